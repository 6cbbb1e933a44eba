/**
 * Every page in the states in which it has little to show: nothing is there yet, nothing has come yet, nothing can be
 * had, and somebody looks who may not do a thing. A page that is not in the table fails.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { COOKIE } from '../../src/ui/gateway/identify.ts';
import { TestPort } from '../../src/ui/testing/port.ts';
import { TestBrowser, violations } from '../support/browser.ts';
import { sampleCluster, sampleEngine } from './sample.ts';

interface Expected {
  /** On a cluster in which there is only one manager. */
  empty: string | RegExp;
  /** Where an example is, on a cluster with a little of everything. */
  at?: string;
  /** What a viewer is shown there in place of what he may not see. */
  viewer?: string | RegExp;
  /** It has nothing to wait for. */
  isThere?: true;
  /** It shows nothing that has to be asked for. */
  asksNothing?: true;
}

const PAGES: Record<string, Expected> = {
  '/': { empty: 'How to begin' },
  '/stacks': { empty: 'There is no stack yet' },
  '/stacks/new': { empty: 'Upload files', isThere: true },
  '/stacks/:name': { empty: 'There is no stack voting', at: '/stacks/voting' },
  '/stacks/:name/edit': {
    ...{ empty: 'there is no stack voting', at: '/stacks/voting/edit' },
    viewer: /takes .*an operator/,
  },
  '/services': { empty: 'No service runs here yet.' },
  '/services/new': {
    ...{ empty: 'Several services that belong together', viewer: /takes .*an operator/ },
    ...{ isThere: true, asksNothing: true },
  },
  '/services/:id': { empty: 'There is no service vote', at: '/services/vote' },
  '/logs': { empty: 'No service runs here yet.' },
  '/tasks': { empty: 'No tasks.' },
  '/tasks/:id': { empty: 'There is no task v1', at: '/tasks/v1' },
  '/nodes': { empty: 'ready' },
  '/nodes/:id': { empty: 'There is no node node2', at: '/nodes/node2' },
  '/containers': { empty: 'No containers on any host.' },
  '/containers/:node/:id': { empty: 'There is no container cache', at: '/containers/node2/cache' },
  '/images': { empty: 'No host has an image.' },
  '/volumes': { empty: 'No host has a volume.' },
  '/volumes/:node/:name': {
    empty: 'there is no node node2',
    at: '/volumes/node2/voting_data',
    viewer: /takes .*an operator/,
  },
  '/events': { empty: 'Nothing has happened' },
  '/registries': { empty: 'No credentials are kept', viewer: /takes .*an operator/ },
  '/map': { empty: '0 tasks' },
  '/networks': { empty: /No networks|ingress/ },
  '/networks/:id': { empty: 'There is no network net', at: '/networks/net' },
  '/configs': { empty: 'No configs yet.' },
  '/secrets': { empty: 'No secrets yet.' },
  '/activity': { empty: 'Nothing was changed yet.', viewer: 'you may not see this' },
  '/console/:container': {
    empty: 'Cannot connect to the Docker daemon',
    at: '/console/c1',
    viewer: /takes .*an operator/,
  },
  '/access': { empty: 'this one', viewer: 'this one' },
};
/** What only those are offered who may do it. */
const DEEDS =
  /^(Remove|Remove unused|Change \w|Pull|New (network|config|secret|account|stack|service|volume)|Create|Upload$|Update|More|Drain|Labels|Promote|Demote|Stop|Start|Console|Deploy|Edit|On a screen|Sign in to a registry|How to join a host)/;
const WHY = 'the store is on holiday';

describe('states of pages', { timeout: 600_000 }, () => {
  let empty: TestPort;
  let full: TestPort;
  let browser: TestBrowser;
  before(async () => {
    const engines = { node2: (await sampleEngine()).client };
    [empty, full, browser] = await Promise.all([
      TestPort.start(),
      TestPort.start(undefined, engines),
      TestBrowser.launch(),
    ]);
    await full.cluster.put(...sampleCluster());
  });
  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await empty?.[Symbol.asyncDispose]();
    await full?.[Symbol.asyncDispose]();
  });

  async function signedIn(port: TestPort, name: string, look: { dark?: boolean } = {}) {
    const visitor = await browser.visitor(look);
    visitor.page.setDefaultTimeout(8_000);
    const value = await port.signedIn(name);
    await visitor.context.addCookies([
      { name: COOKIE, value, url: `https://${port.host}`, secure: true, httpOnly: true, sameSite: 'Strict' },
    ]);
    return visitor;
  }

  /** Goes to each page as a click does, and collects what is wrong. */
  async function walk(
    port: TestPort,
    page: Page,
    look: (path: string, expected: Expected) => Promise<string[]>,
  ): Promise<string[]> {
    const wrong: string[] = [];
    await page.goto(`https://${port.host}/ui/access`);
    await page.getByRole('heading', { name: 'Access' }).waitFor();
    for (const [path, expected] of Object.entries(PAGES)) {
      await page.evaluate(`history.pushState({}, '', '/ui${expected.at ?? path}')`);
      try {
        for (const each of await look(path, expected)) wrong.push(`${path}: ${each}`);
      } catch (error) {
        const text = await page.locator('main').innerText();
        wrong.push(`${path}: ${(error as Error).message.split('\n')[0]} on “${text.slice(0, 200)}”`);
      }
    }
    return wrong;
  }

  const shown = (page: Page, text: string | RegExp) =>
    page.locator('main').getByText(text).filter({ visible: true }).first();

  test('every page that there is is in the table', async () => {
    const source = await readFile(new URL('../../web/src/pages.tsx', import.meta.url), 'utf8');
    const routes = source.slice(source.indexOf('const PAGES'));
    const paths = [...routes.matchAll(/\bpath: '([^']+)'/g)].map(([, path]) => path!);
    assert.deepEqual(paths.toSorted(), Object.keys(PAGES).toSorted());
  });

  test('nothing is there yet', async () => {
    const { context, page, faults } = await signedIn(empty, 'administrator');
    const wrong = await walk(empty, page, async (_, { empty }) => {
      await shown(page, empty).waitFor();
      return [];
    });
    assert.deepEqual(wrong, []);
    assert.deepEqual(faults, []);
    await context.close();
  });

  test('nothing has come yet', async () => {
    const { context, page } = await signedIn(full, 'administrator');
    await page.routeWebSocket(/essaim/, () => undefined);
    await page.route(/\/(essaim|services|networks|swarm)\b(?!\/session$)/, () => undefined);
    const wrong = await walk(full, page, async (_, { empty, isThere }) => {
      if (isThere) return [];
      const waits = page.locator('main [aria-label$="being loaded"], main [role=status]');
      await waits.filter({ visible: true }).first().waitFor();
      return (await shown(page, empty).count()) > 0 ? ['says that there is nothing'] : [];
    });
    assert.deepEqual(wrong, []);
    await context.close();
  });

  test('nothing can be had: it is said why', async () => {
    const { context, page } = await signedIn(full, 'administrator', { dark: true });
    await page.routeWebSocket(/essaim\/live/, (socket) =>
      socket.onMessage((text) => {
        const { op, channel } = JSON.parse(String(text));
        if (op === 'open') socket.send(JSON.stringify({ channel, error: WHY }));
      }),
    );
    await page.routeWebSocket(/essaim\/exec|essaim\/console/, (socket) =>
      socket.send(JSON.stringify({ error: WHY })),
    );
    await page.route(/\/(essaim|services|networks|swarm)\b(?!\/session$)/, (route) =>
      route.fulfill({ status: 403, json: { message: WHY } }),
    );
    const wrong = await walk(full, page, async (path, { empty, isThere, asksNothing }) => {
      if (asksNothing) return [];
      await shown(page, WHY).waitFor();
      const wrong = path === '/services' ? await violations(page) : [];
      if (!isThere && (await shown(page, empty).count()) > 0) wrong.push('says that there is nothing');
      return wrong;
    });
    assert.deepEqual(wrong, []);
    await context.close();
  });

  test('who may only look is offered nothing else', async () => {
    const { context, page, faults } = await signedIn(full, 'viewer');
    const wrong = await walk(full, page, async (_, { viewer }) => {
      if (viewer) await shown(page, viewer).waitFor();
      else await page.locator('main h1').first().waitFor();
      await page.locator('main [aria-label$="being loaded"]').first().waitFor({ state: 'detached' });
      const buttons = page.locator('main').getByRole('button', { name: DEEDS });
      const links = page
        .locator('main')
        .getByRole('link', { name: /^(Edit|Console|New stack|New service)$/ });
      return (await buttons.or(links).allTextContents()).map((text) => `offers ${text}`);
    });
    assert.deepEqual(wrong, []);
    assert.deepEqual(faults, []);
    await context.close();
  });
});
