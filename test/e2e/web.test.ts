/** The web interface in a browser, on a swarm: scenario H. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { BrowserContext, Page } from 'playwright-core';
import { TestBrowser } from '../support/browser.ts';
import { Swarm } from '../support/swarm.ts';

const PASSWORD = 'a swarm of many bees';

describe('web interface', { timeout: 600_000 }, () => {
  let swarm: Swarm;
  let browser: TestBrowser;
  let context: BrowserContext;
  let page: Page;
  let faults: string[];
  let origin: string;

  before(async () => {
    [swarm, browser] = await Promise.all([Swarm.on('ua', 'ub'), TestBrowser.launch()]);
    ({ context, page, faults } = await browser.visitor());
    origin = `https://${await swarm.lab.must('ip', swarm.manager)}:9443`;
  });
  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await swarm?.[Symbol.asyncDispose]();
  });

  /** The text of a cell of the row with that name. */
  const cell = (row: string, name: string) =>
    page.locator('[role=row]').filter({ hasText: row }).locator(`[data-cell=${name}]`);

  test('the first visit takes the code that the manager prints, and makes the administrator', async () => {
    const address = await swarm.lab.essaim(swarm.manager, 'ui');
    assert.match(address, /^https:\/\/[\d.]+:9443\/ui\/#[a-z2-9-]{23}$/);
    await page.goto(address);
    await page.getByRole('button', { name: 'Make the account' }).click();
    await page.getByText('Type a password.').waitFor();
    assert.ok(!page.url().includes('#'), 'the code stays in no history');
    await page.getByLabel('Password', { exact: true }).fill('short');
    await page.getByLabel('The same password again').fill('short');
    await page.getByRole('button', { name: 'Make the account' }).click();
    await page.getByText('a password has at least 12 characters, this one has 5').waitFor();
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByLabel('The same password again').fill(PASSWORD);
    await page.getByRole('button', { name: 'Make the account' }).click();
    await page.getByRole('button', { name: 'admin' }).waitFor();
    const [cookie] = await context.cookies();
    assert.equal(cookie?.name, '__Host-essaim');
    assert.ok(cookie.httpOnly && cookie.secure && cookie.sameSite === 'Strict');
  });

  test('the code is good once, and nobody is told more than to sign in', async () => {
    const address = await swarm.lab.essaim(swarm.manager, 'ui');
    assert.equal(address, `${origin}/`);
    const { page: other } = await browser.visitor();
    await other.goto(`${origin}/`);
    await other.getByLabel('Name').fill('admin');
    await other.getByLabel('Password', { exact: true }).fill('not the password');
    await other.getByRole('button', { name: 'Sign in' }).click();
    await other.getByText('the name or the password is wrong').waitFor();
    await other.context().close();
  });

  test('services are there as they come and as they change, without a reload', async () => {
    await page.goto(`${origin}/ui/services`);
    await page.getByText('No service runs here yet.').waitFor();
    await swarm.create('--name', 'web', '--replicas', '2', '--publish', '8080:8080', 'whoami:1');
    await cell('web', 'replicas').getByText('2/2').waitFor();
    await swarm.docker('service', 'scale', '--detach', 'web=5');
    await cell('web', 'replicas').getByText('5/5').waitFor();
    assert.equal(await cell('web', 'ports').textContent(), '8080→8080');
    await swarm.remove('web');
    await page.getByText('No service runs here yet.').waitFor();
  });

  test('a manager that comes back is found again, with the same session', async () => {
    await swarm.create('--name', 'back', 'whoami:1');
    await cell('back', 'replicas').getByText('1/1').waitFor();
    await swarm.lab.must('ssh', swarm.manager, 'kill $(cut -d" " -f1 /run/essaim.process)');
    await page.getByText(/trying again in/).waitFor();
    await swarm.lab.must('start', swarm.manager);
    await page.getByText(/trying again in/).waitFor({ state: 'hidden' });
    await swarm.docker('service', 'scale', '--detach', 'back=2');
    await cell('back', 'replicas').getByText('2/2').waitFor();
    await swarm.remove('back');
  });

  test('the page was quiet: no refused style, no failing script', () => {
    assert.deepEqual(
      faults.filter((fault) => !/WebSocket connection|ERR_CONNECTION_REFUSED/.test(fault)),
      [],
    );
  });
});
