/** The web interface in a browser, on a swarm: scenario H. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import type { BrowserContext, Page } from 'playwright-core';
import { TestBrowser } from '../support/browser.ts';
import { loadExample } from '../support/examples.ts';
import { execute } from '../support/lab.ts';
import { Swarm } from '../support/swarm.ts';
import { changes } from './browser/changes.ts';
import { hosts } from './browser/hosts.ts';
import { looker } from './browser/looker.ts';
import { moves } from './browser/moves.ts';
import { pomodoro } from './browser/pomodoro.ts';
import type { Visit } from './browser/visit.ts';

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
    for (const example of ['pomodoro', 'voting']) await loadExample(swarm.lab, example, swarm.hosts);
    ({ context, page, faults } = await browser.visitor());
    origin = `https://${await swarm.lab.address(swarm.manager)}:9443`;
  });
  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await swarm?.[Symbol.asyncDispose]();
  });

  const visit = (): Visit => ({ swarm, browser, page, origin, password: PASSWORD });

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
    await page.getByRole('link', { name: 'admin' }).waitFor();
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

  pomodoro(visit);

  test('why a task waits: for each node what it lacks', async () => {
    await swarm.create('--name', 'waits', '--constraint', 'node.labels.disk==ssd', 'whoami:1');
    await page.goto(`${origin}/ui/`);
    await page.getByRole('link', { name: 'waits runs 0 of 1' }).click();
    await page.getByRole('link', { name: 'waits.1' }).click();
    await page.locator('[data-verdict=ub]').getByText('it does not meet node.labels.disk==ssd').waitFor();
    await swarm.docker('node', 'update', '--label-add', 'disk=ssd', 'ub');
    await page.locator('[data-tone=good]').getByText('running').waitFor();
    await swarm.remove('waits');
  });

  test('an update that fails is shown while it does, with why, and rolled back', async () => {
    const loop = 'trap "exit 0" TERM; while :; do sleep 1; done';
    const id = await swarm.create('--name', 'frail', '--replicas', '2', 'busybox', 'sh', '-c', loop);
    await swarm.converge('frail', 2);
    await page.goto(`${origin}/ui/services/${id}?tab=settings`);
    await page.getByLabel('Arguments').fill('sh\n-c\necho it is broken; exit 3');
    await page.getByText('2 tasks restart: 1 at a time; stops when one fails.').waitFor();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('tab', { name: 'Update' }).click();
    await page
      .getByText(/^The update has stopped: 1 of 2/)
      .or(page.getByText(/^The update has stopped: 0 of 2/))
      .waitFor({ timeout: 30_000 });
    await page
      .getByRole('table', { name: 'Timeline' })
      .getByText(/has failed on \w+: task: non-zero exit \(3\)/)
      .first()
      .waitFor();
    await page.getByRole('button', { name: 'More', exact: true }).click();
    await page.getByRole('menuitem', { name: 'Roll back' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Roll back' }).click();
    await page.getByText('It was rolled back: 2 of 2 are as they should be').waitFor({ timeout: 30_000 });
    await swarm.remove('frail');
  });

  test('a manager that comes back is found again, with the same session', async () => {
    await page.goto(`${origin}/ui/services`);
    await swarm.create('--name', 'back', 'whoami:1');
    await cell('back', 'replicas').getByText('1/1').waitFor();
    await swarm.lab.ssh(swarm.manager, 'kill $(cut -d" " -f1 /run/essaim.process)');
    await page.getByText(/trying again in/).waitFor();
    await swarm.lab.must('start', swarm.manager);
    await page.getByText(/trying again in/).waitFor({ state: 'hidden' });
    await swarm.docker('service', 'scale', '--detach', 'back=2');
    await cell('back', 'replicas').getByText('2/2').waitFor();
    await swarm.remove('back');
  });

  test('the docker CLI with a token does what its account may, exec included, and nothing else', async () => {
    const folder = `${swarm.lab.home}/cli`;
    await mkdir(folder);
    await writeFile(`${folder}/password`, `${PASSWORD}\n`);
    await writeFile(`${folder}/ca.pem`, `${await swarm.docker('swarm', 'ca')}\n`);
    const essaim = (...args: string[]) => swarm.lab.essaim(swarm.manager, ...args);
    await essaim(
      'user',
      'add',
      'bob',
      '--role',
      'deployer',
      '--stack',
      'shop',
      '--password-file',
      `${folder}/password`,
    );
    await essaim('user', 'add', 'eve', '--role', 'viewer', '--password-file', `${folder}/password`);
    const as = async (user: string) => {
      const token = await essaim('token', 'create', 'cli', '--user', user);
      await mkdir(`${folder}/${user}`);
      const config = { HttpHeaders: { Authorization: `Bearer ${token}` } };
      await writeFile(`${folder}/${user}/config.json`, JSON.stringify(config));
      const host = `tcp://${await swarm.lab.address(swarm.manager)}:9443`;
      const options = [
        '--config',
        `${folder}/${user}`,
        '-H',
        host,
        '--tlsverify',
        '--tlscacert',
        `${folder}/ca.pem`,
      ];
      return (...args: string[]) => execute('docker', [...options, ...args], process.env);
    };
    const [bob, eve] = [await as('bob'), await as('eve')];
    const file = `${folder}/shop.yml`;
    const command = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1; done'];
    const web = { image: 'busybox', command, environment: { PASSWORD: 'hush' } };
    await writeFile(file, JSON.stringify({ version: '3.8', services: { web } }));

    const deployed = await bob('stack', 'deploy', '--resolve-image', 'never', '-c', file, 'shop');
    assert.equal(deployed.code, 0, deployed.stderr);
    await swarm.converge('shop_web', 1);
    const said = await bob('exec', 'shop_web.1', 'sh', '-c', 'echo in $((6*7))');
    assert.equal(said.stdout, 'in 42\n', said.stderr);
    const bind = await bob(
      'service',
      'update',
      '--detach',
      '--mount-add',
      'type=bind,source=/,target=/host',
      'shop_web',
    );
    assert.match(bind.stderr, /mounts of type bind may not be used/);
    const other = await bob(
      'service',
      'create',
      '--detach',
      '--no-resolve-image',
      '--name',
      'mine',
      'busybox',
    );
    assert.match(other.stderr, /may only deploy its own stacks \(shop\)/);

    assert.match((await eve('service', 'ls')).stdout, /shop_web/);
    const seen = await eve('service', 'inspect', 'shop_web');
    assert.ok(
      seen.stdout.includes('PASSWORD=(hidden)') && !seen.stdout.includes('hush'),
      seen.stdout + seen.stderr,
    );
    for (const args of [
      ['service', 'rm', 'shop_web'],
      ['exec', 'shop_web.1', 'id'],
      ['swarm', 'join-token', 'worker'],
    ]) {
      const { code, stderr } = await eve(...args);
      assert.notEqual(code, 0, args.join(' '));
      assert.match(
        stderr,
        /this takes (a deployer of its stack, )?an operator or an administrator, and eve is a viewer/,
      );
    }
    const removed = await bob('stack', 'rm', 'shop');
    assert.equal(removed.code, 0, removed.stderr);
    await essaim('token', 'rm', 'cli', '--user', 'eve');
    assert.match((await eve('service', 'ls')).stderr, /this token is unknown/);
  });

  changes(visit);
  hosts(visit);
  looker(visit);
  moves(visit);

  test('the page was quiet: no refused style, no failing script', () => {
    assert.deepEqual(
      faults.filter((fault) => !/WebSocket connection|ERR_CONNECTION_REFUSED/.test(fault)),
      [],
    );
  });
});
