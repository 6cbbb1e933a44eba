/** What is on all hosts, in a browser: containers, images, volumes, the map, what is used, networks, events. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { rowOf, type Visit } from './visit.ts';

const LOOP = 'trap "exit 0" TERM; while :; do echo "it runs"; sleep 1; done';

export function hosts(at: () => Visit): void {
  test('containers of all hosts: one on another host is stopped, started, looked at, entered, removed', async () => {
    const { swarm, page, origin } = at();
    await page.goto(`${origin}/ui/containers`);
    await swarm.lab.docker(
      'ub',
      'run',
      '-d',
      '--name',
      'plain',
      '-v',
      'kept:/data',
      'busybox',
      'sh',
      '-c',
      LOOP,
    );
    const row = rowOf(page, 'plain');
    await row.getByText('running').waitFor();
    assert.equal(await row.locator('[data-cell=node]').textContent(), 'ub');
    await row.getByRole('link').click();
    await page.getByRole('log').getByText('it runs').first().waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByText('exited (0)').waitFor();
    await page.getByRole('button', { name: 'Start' }).click();
    await page.locator('[data-tone=good]').getByText('running').waitFor();
    await page.getByRole('tab', { name: 'Inspect' }).click();
    await page.getByText('"Destination": "/data"').waitFor();
    await page.getByRole('link', { name: 'Console' }).click();
    await page.getByText('● Connected').waitFor();
    await page.keyboard.type('echo in $((6*7)) > /data/answer; cat /data/answer\n');
    await page.locator('.xterm-rows').getByText('in 42', { exact: true }).waitFor();
    await page.keyboard.type('exit\n');
    await page.getByText('the program has ended, exit code 0').waitFor();
  });

  test('what was written into a volume of another host is found and loaded down', async () => {
    const { page, origin } = at();
    await page.goto(`${origin}/ui/volumes`);
    await rowOf(page, 'kept').getByText('plain').waitFor();
    await rowOf(page, 'kept').getByRole('link').click();
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'answer' }).click(),
    ]);
    assert.equal(await readFile(await file.path(), 'utf8'), 'in 42\n');
  });

  test('a file is put into a volume of another host; a volume is made on one', async () => {
    const { swarm, page, origin } = at();
    await page
      .locator('input[type=file]')
      .setInputFiles([{ name: 'my note.txt', mimeType: 'text/plain', buffer: Buffer.from('put here\n') }]);
    await page.getByRole('link', { name: 'my note.txt' }).waitFor();
    assert.equal(await swarm.lab.docker('ub', 'exec', 'plain', 'cat', '/data/my note.txt'), 'put here');
    await page.goto(`${origin}/ui/volumes`);
    await page.getByRole('button', { name: 'New volume' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name', { exact: true }).fill('fresh');
    await dialog.getByLabel('Options of the driver').fill('type=tmpfs\ndevice=tmpfs');
    await dialog.getByRole('combobox', { name: 'On' }).click();
    await page.getByRole('option', { name: 'ub' }).click();
    await dialog.getByRole('button', { name: 'Create' }).click();
    await page.locator('[data-outcome=ub]').getByText('made').waitFor();
    assert.match(await swarm.lab.docker('ub', 'volume', 'inspect', 'fresh'), /"type": "tmpfs"/);
    await page.keyboard.press('Escape');
    await rowOf(page, 'fresh').getByRole('button', { name: 'Remove' }).click();
    await page.getByLabel('Type fresh to go on').fill('fresh');
    await dialog.getByRole('button', { name: 'Remove' }).click();
    await rowOf(page, 'fresh').waitFor({ state: 'detached' });
  });

  test('a container is removed for good, and the events of its host tell of it', async () => {
    const { swarm, page, origin } = at();
    await page.goto(`${origin}/ui/containers?q=plain`);
    await rowOf(page, 'plain').getByRole('link').click();
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Remove' }).click();
    await page.getByLabel('Type plain to go on').fill('plain');
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('heading', { name: 'Containers' }).waitFor();
    assert.equal(await swarm.lab.docker('ub', 'ps', '-aq', '--filter', 'name=plain'), '');
    await page.goto(`${origin}/ui/events?q=destroy+plain`);
    await rowOf(page, 'container destroy').getByText('ub').first().waitFor();
  });

  test('what is done on all hosts says what has come of it on each', async () => {
    const { page, origin } = at();
    await page.goto(`${origin}/ui/images`);
    await rowOf(page, 'whoami:1')
      .getByText('ua, ub')
      .or(rowOf(page, 'whoami:1').getByText('ub, ua'))
      .waitFor();
    await page.getByRole('button', { name: 'Pull' }).click();
    await page.getByRole('dialog').getByLabel('Image').fill('127.0.0.1:1/nothing:1');
    await page.getByRole('dialog').getByRole('button', { name: 'Pull' }).click();
    for (const host of ['ua', 'ub'])
      await page
        .locator(`[data-outcome=${host}]`)
        .getByText(/connection refused/)
        .waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Remove unused' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    for (const host of ['ua', 'ub']) await page.locator(`[data-outcome=${host}]`).getByText('done').waitFor();
  });

  test('the map shows tasks as they come; a screen on the wall shows it by a link, until that is withdrawn', async () => {
    const { swarm, browser, page, origin } = at();
    await page.goto(`${origin}/ui/map`);
    await swarm.create('--name', 'far', '--constraint', 'node.hostname==ub', '--replicas', '2', 'whoami:1');
    await page.locator('[data-node=ub]').getByText('far.2', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'On a screen' }).click();
    await page.getByLabel('Where it hangs').fill('kitchen');
    await page.getByRole('button', { name: 'Make a link' }).click();
    const link = (await page.locator('[data-link]').textContent())!;
    const wall = await browser.visitor();
    await wall.page.goto(link);
    await wall.page.locator('[data-node=ub]').getByText('far.1', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Withdraw kitchen' }).click();
    await wall.page.getByText('the link was withdrawn').waitFor();
    await wall.context.close();
    await page.keyboard.press('Escape');
  });

  test('what a service uses is drawn, as its hosts tell it', async () => {
    const { swarm, page, origin } = at();
    const id = await swarm.docker('service', 'inspect', '--format', '{{.ID}}', 'far');
    await page.goto(`${origin}/ui/services/${id}?tab=use`);
    await page.getByText(/Memory: \d/).waitFor({ timeout: 60_000 });
    await page.locator('[data-plot=Memory] canvas').waitFor();
    const node = await swarm.docker('node', 'inspect', '--format', '{{.ID}}', 'ub');
    await page.goto(`${origin}/ui/nodes/${node}?tab=use`);
    await page.getByText(/Processors: \d/).waitFor();
    await swarm.remove('far');
  });

  test('who is on a network, with which addresses, and whether hosts have it', async () => {
    const { swarm, page, origin } = at();
    await swarm.docker('network', 'create', '--driver', 'overlay', 'meeting');
    await swarm.create('--name', 'met', '--network', 'meeting', '--replicas', '2', 'whoami:1');
    await swarm.converge('met', 2);
    await page.goto(`${origin}/ui/networks`);
    await rowOf(page, 'meeting').getByRole('link').click();
    await rowOf(page, 'met.2')
      .getByText(/^10\.\d+\.\d+\.\d+\/24$/)
      .waitFor();
    await page
      .getByRole('table', { name: 'Names on it' })
      .getByText(/^10\.\d+\.\d+\.\d+$/)
      .waitFor();
    for (const host of ['ua', 'ub'])
      await page.locator(`[data-host=${host}]`).getByText('as it should be').waitFor();
    await swarm.remove('met');
    await swarm.docker('network', 'rm', 'meeting');
  });
}
