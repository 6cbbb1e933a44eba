/** Every page in a browser, on a cluster in memory: no fault, and nothing that WCAG 2.2 AA forbids, in both themes and on a phone. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { sampleService } from '../../src/store/samples.ts';
import { COOKIE } from '../../src/ui/gateway/identify.ts';
import { TestPort } from '../../src/ui/testing/port.ts';
import { TestBrowser, violations } from '../support/browser.ts';
import { eventually } from '../support/lab.ts';
import { sampleCluster, sampleEngine } from './sample.ts';

/** Pages with something on each that is there when it is. */
const PAGES: Array<[name: string, path: string, shows: string]> = [
  ['overview', '/', 'Wrong now'],
  ['stacks', '/stacks', 'voting'],
  ['stack', '/stacks/voting', 'voting_vote'],
  ['stack-revisions', '/stacks/voting?tab=revisions&a=1&b=runs', 'Made of what runs'],
  ['stack-roll-back', '/stacks/voting?tab=revisions&back=1', 'What would change'],
  ['stack-editor', '/stacks/voting/edit', 'What a deployment would change'],
  ['services', '/services', 'voting_worker'],
  ['service-new', '/services/new', 'docker service create'],
  ['service', '/services/worker', 'update paused'],
  ['service-update', '/services/worker?tab=update', 'The update has stopped'],
  ['service-settings', '/services/worker?tab=settings', 'Working directory'],
  ['service-yaml', '/services/worker?tab=settings&as=yaml', 'TaskTemplate'],
  ['logs', '/logs', 'Choose the services'],
  ['tasks', '/tasks', 'voting_db.1'],
  ['task', '/tasks/d1', 'it does not meet node.labels.disk==ssd'],
  ['nodes', '/nodes', 'node3'],
  ['node', '/nodes/node2', 'voting_vote.1'],
  ['map', '/map', 'voting_db.1: pending'],
  ['containers', '/containers', 'cache'],
  ['container', '/containers/node2/cache?tab=inspect', 'PASSWORD=hush'],
  ['images', '/images', 'postgres:16'],
  ['volumes', '/volumes', 'voting_data'],
  ['files', '/volumes/node2/voting_data', 'pg_hba.conf'],
  ['events', '/events', 'Nothing has happened'],
  ['use', '/services/vote?tab=use', 'Processors: 0.5'],
  ['node-use', '/nodes/node2?tab=use', 'Memory: 95.4 MiB'],
  ['networks', '/networks', 'voting_default'],
  ['network', '/networks/net', '10.0.9.3/24'],
  ['configs', '/configs', 'page'],
  ['secrets', '/secrets', 'key'],
  ['registries', '/registries', 'registry.example.com'],
  ['activity', '/activity', 'made the service voting_vote'],
  ['access', '/access', 'Your sessions'],
];
/** Where pictures are put; unset: none are taken. */
const PICTURES = process.env.PICTURES;

describe('pages', { timeout: 600_000 }, () => {
  let port: TestPort;
  let browser: TestBrowser;
  before(async () => {
    const engines = { node2: (await sampleEngine()).client };
    [port, browser] = await Promise.all([TestPort.start(undefined, engines), TestBrowser.launch()]);
    await port.cluster.put(...sampleCluster());
  });
  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await port?.[Symbol.asyncDispose]();
  });

  async function signedIn(name: string, look: { dark?: boolean; width?: number; height?: number }) {
    const visitor = await browser.visitor(look);
    const value = await port.signedIn(name);
    await visitor.context.addCookies([
      { name: COOKIE, value, url: `https://${port.host}`, secure: true, httpOnly: true, sameSite: 'Strict' },
    ]);
    return visitor;
  }

  const looks = [
    { look: 'light', dark: false, width: 1280, height: 800 },
    { look: 'dark', dark: true, width: 1280, height: 800 },
    { look: 'phone', dark: false, width: 360, height: 740 },
  ];
  for (const { look, ...options } of looks) {
    test(`as an administrator, ${look}`, async () => {
      const { context, page, faults } = await signedIn('administrator', options);
      const wrong: string[] = [];
      for (const [name, path, shows] of PAGES) {
        await page.goto(`https://${port.host}/ui${path}`);
        await page.getByText(shows).filter({ visible: true }).first().waitFor();
        // On a phone it is the same page, narrower.
        if (look !== 'phone') for (const each of await violations(page)) wrong.push(`${name}: ${each}`);
        if (await isTooWide(page)) wrong.push(`${name} scrolls sideways`);
        await picture(page, `${name}-${look}`);
      }
      assert.deepEqual(wrong, []);
      assert.deepEqual(faults, []);
      await context.close();
    });
  }

  test('the sign-in, in both themes', async () => {
    for (const dark of [false, true]) {
      const { context, page } = await browser.visitor({ dark });
      await page.goto(`https://${port.host}/ui/`);
      await page.getByRole('button', { name: 'Sign in' }).waitFor();
      assert.deepEqual(await violations(page), []);
      await context.close();
    }
  });

  test('the printed address, opened where the page is open already, has the code taken, and kept in no address', async () => {
    const { context, page } = await browser.visitor();
    await page.route('**/essaim/setup', (route) =>
      route.fulfill(
        route.request().method() === 'GET'
          ? { json: { needed: true } }
          : { status: 403, json: { message: `this is not the code: ${route.request().postData()}` } },
      ),
    );
    await page.goto(`https://${port.host}/ui/`);
    await page.getByLabel('Code').waitFor();
    assert.deepEqual(await violations(page), []);
    await page.goto(`https://${port.host}/ui/#abcde-12345`);
    await page.getByLabel('Code').waitFor({ state: 'detached' });
    assert.ok(!page.url().includes('#'));
    await page.getByLabel('Password', { exact: true }).fill('a swarm of many bees');
    await page.getByLabel('The same password again').fill('a swarm of many bees');
    await page.getByRole('button', { name: 'Make the account' }).click();
    await page.getByText(/this is not the code: .*abcde-12345/).waitFor();
    await context.close();
  });

  test('a screen on the wall, by its link and until that is withdrawn', async () => {
    const made = await port.ask('POST', '/essaim/walls', { as: 'operator', body: { name: 'kitchen' } });
    const { secret } = JSON.parse(made.text);
    for (const dark of [false, true]) {
      const { context, page } = await browser.visitor({ dark });
      await page.goto(`https://${port.host}/ui/wall#${secret}`);
      await page.locator('[data-node=node2]').getByText('voting_vote.1').waitFor();
      assert.deepEqual(await violations(page), []);
      assert.equal(await page.getByRole('link').count(), 0);
      if (dark) {
        await port.ask('DELETE', '/essaim/walls/kitchen', { as: 'operator' });
        await page.getByText('the link was withdrawn').waitFor();
      }
      await context.close();
    }
  });

  test('who looks has no buttons that would be refused, and sees no secret', async () => {
    const { context, page, faults } = await signedIn('viewer', {});
    await page.goto(`https://${port.host}/ui/services/vote`);
    await page.getByText('voting_vote.1').first().waitFor();
    for (const name of ['Update', 'More', 'Remove'])
      assert.equal(await page.getByRole('button', { name }).count(), 0);
    await page.getByRole('tab', { name: 'Settings' }).click();
    await page.getByText('PASSWORD=(hidden)').waitFor();
    assert.equal(await page.getByRole('link', { name: 'Activity' }).count(), 0);
    await page.goto(`https://${port.host}/ui/activity`);
    await page.getByText('you may not see this').waitFor();
    assert.deepEqual(faults, []);
    await context.close();
  });

  test('with the keyboard: a search, down the rows, into one', async () => {
    const { context, page } = await signedIn('administrator', {});
    await page.goto(`https://${port.host}/ui/services`);
    await page.getByText('voting_worker').first().waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('voting w');
    await page.getByText('1 of 3').waitFor();
    assert.match(page.url(), /q=voting/);
    await page.locator('[data-row=worker]').focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'voting_worker' }).waitFor();
    await context.close();
  });

  test('Ctrl-K finds what is typed, and does what is asked for; g and a letter go somewhere', async () => {
    const { context, page, faults } = await signedIn('administrator', {});
    await page.goto(`https://${port.host}/ui/`);
    await page.getByText('Wrong now').first().waitFor();
    await page.keyboard.press('Control+k');
    const field = page.getByLabel('What to go to, or to do');
    await field.fill('voting w');
    await page.getByRole('option', { name: 'voting_worker' }).first().waitFor();
    assert.deepEqual(await violations(page), []);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'voting_worker' }).waitFor();
    await page.keyboard.press('Control+k');
    await field.fill('drain node3');
    await page.getByRole('option', { name: 'Drain node3' }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByText('node3 is being drained').waitFor();
    assert.equal(port.cluster.store.view.get('node', 'node3')?.Spec.Availability, 'drain');
    await page.keyboard.press('g');
    await page.keyboard.press('n');
    await page.getByRole('heading', { name: 'Nodes' }).waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    assert.deepEqual(faults, []);
    await context.close();
  });

  test('what is done at once has its command; an emptied number stops nothing; a drain says beforehand what it means', async () => {
    const { context, page, faults } = await signedIn('administrator', {});
    await page.goto(`https://${port.host}/ui/services`);
    const replicas = page.getByLabel('Replicas of voting_worker');
    await replicas.fill('');
    await replicas.press('Enter');
    assert.equal(await replicas.inputValue(), '3');
    await replicas.fill('4');
    await replicas.press('Enter');
    await page.getByText('docker service scale voting_worker=4').waitFor();
    await page.goto(`https://${port.host}/ui/nodes/node2`);
    await page.getByRole('button', { name: 'Drain' }).click();
    const tasks = page.getByRole('dialog').getByRole('list', { name: 'What its tasks do' });
    await tasks.getByText('voting_vote.1 moves: it fits on').waitFor();
    await page.getByText('docker node update --availability drain node2').waitFor();
    assert.deepEqual(await violations(page), []);
    assert.deepEqual(faults, []);
    await context.close();
  });

  test('on a phone the bar at the bottom leads everywhere', async () => {
    const { context, page } = await signedIn('operator', { width: 360, height: 740 });
    await page.goto(`https://${port.host}/ui/`);
    await page.getByRole('contentinfo').getByRole('link', { name: 'Services' }).click();
    await page.getByText('voting_worker').first().waitFor();
    await page.getByRole('contentinfo').getByRole('button', { name: 'Find' }).click();
    await page.getByLabel('What to go to, or to do').fill('node2');
    await page.getByRole('option', { name: 'node2' }).first().click();
    await page.getByRole('heading', { name: 'node2' }).waitFor();
    await context.close();
  });

  test('on a phone it is said under the head that the connection is gone', async () => {
    const { context, page } = await signedIn('operator', { width: 360, height: 740 });
    await page.routeWebSocket(/essaim\/live/, (socket) => socket.close());
    await page.goto(`https://${port.host}/ui/access`);
    await page.getByText(/trying again in/).waitFor();
    const box = async (name: string) => (await page.getByText(name, { exact: true }).boundingBox())!;
    for (const name of ['Essaim', 'Sign out']) assert.ok((await box(name)).height < 30, `${name} is broken`);
    const said = (await page.getByText(/trying again in/).boundingBox())!;
    assert.ok(said.y >= 48 && said.height < 30);
    assert.equal(await isTooWide(page), false);
    await context.close();
  });

  test('on a phone a console has the keys that its keyboard has not', async () => {
    const { context, page } = await signedIn('operator', { width: 360, height: 740 });
    const sent: string[] = [];
    await page.routeWebSocket(/essaim\/console/, (socket) => {
      socket.onMessage((data) => typeof data !== 'string' && sent.push(String(data)));
      socket.send(JSON.stringify({ id: 'c' }));
    });
    await page.goto(`https://${port.host}/ui/console/c1`);
    await page.getByText('Connected').waitFor();
    await page.getByRole('button', { name: 'Up' }).click();
    await page.getByRole('button', { name: 'Ctrl' }).click();
    await page.keyboard.type('cc');
    await eventually('all of it is sent', 5_000, async () => sent.join('') === '\x1b[A\x03c');
    assert.deepEqual(await violations(page), []);
    await context.close();
  });

  test('a service’s settings: what a change would do, and what is wrong with it, is said before it is saved', async () => {
    const { context, page, faults } = await signedIn('administrator', {});
    await page.goto(`https://${port.host}/ui/services/vote?tab=settings`);
    await page.getByLabel('Memory, at most').fill('much');
    await page.getByText('takes a size like 512M, not much').waitFor();
    await page.getByLabel('Memory, at most').fill('64M');
    await page.getByText('2 tasks restart: 1 at a time; stops when one fails.').waitFor();
    await page.getByText('docker service update --limit-memory 64M voting_vote').waitFor();
    await page.getByText('YAML', { exact: true }).click();
    await page.locator('.cm-content').getByText('MemoryBytes: 67108864').waitFor();
    assert.deepEqual(faults, []);
    await context.close();
  });

  test('a stack of whatever name is found by it; what is wrong with a file is said with line and column', async () => {
    const { context, page, faults } = await signedIn('administrator', {});
    const odd = 'über/50 %25 & "co" #1? <img src=x>';
    const of = sampleService('odd', 'odd');
    const Labels = { 'com.docker.stack.namespace': odd };
    await port.cluster.put({ op: 'put', kind: 'service', object: { ...of, Spec: { ...of.Spec, Labels } } });
    await page.goto(`https://${port.host}/ui/stacks?q=50+%25`);
    await page.getByRole('link', { name: odd }).click();
    await page.getByRole('heading', { name: odd }).waitFor();
    await page.reload();
    await page.getByRole('link', { name: 'odd', exact: true }).waitFor();
    await page.goto(`https://${port.host}/ui/stacks/new`);
    const text = 'services:\n  web:\n    image: nginx\n    ports: [80:]\n    depends: on\n';
    const file = { name: 'compose.yaml', mimeType: 'text/yaml', buffer: Buffer.from(text) };
    await page.locator('input[type=file]').setInputFiles([file]);
    await page
      .getByText(/compose.yaml, line 5, column \d+: /)
      .first()
      .waitFor();
    const revision = port.cluster.store.view.get('service', 'odd')!.Version.Index;
    await port.cluster.put({ op: 'delete', kind: 'service', id: 'odd', revision });
    assert.deepEqual(faults, []);
    await context.close();
  });

  test('signing out ends what is open in the other tab', async () => {
    const { context, page } = await signedIn('operator', {});
    await page.goto(`https://${port.host}/ui/services`);
    await page.getByText('voting_worker').first().waitFor();
    const other = await context.newPage();
    await other.goto(`https://${port.host}/ui/nodes`);
    await other.getByText('node3').first().waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    await other.getByText('Your session has ended: sign in again.').waitFor();
    await context.close();
  });

  async function isTooWide(page: Page): Promise<boolean> {
    return page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth + 1');
  }

  async function picture(page: Page, name: string): Promise<void> {
    if (!PICTURES) return;
    await mkdir(PICTURES, { recursive: true });
    await page.screenshot({ path: `${PICTURES}/${name}.png` });
  }
});
