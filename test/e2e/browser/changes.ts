/** What was made elsewhere is changed in the browser: a stack of the docker CLI, a config in place; and who did what is told. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { violations } from '../../support/browser.ts';
import { eventually } from '../../support/lab.ts';
import type { Visit } from './visit.ts';

export function changes(visit: () => Visit): void {
  test('a stack of the docker CLI is edited: unchanged it restarts nothing; then a revision is rolled back to', async () => {
    const { swarm, page, origin } = visit();
    const file = `${swarm.lab.home}/cli.yml`;
    const command = ['sh', '-c', 'trap "exit 0" TERM; while :; do echo "it costs $$5"; sleep 1; done'];
    const web = { image: 'busybox', command, deploy: { replicas: 2 } };
    await writeFile(file, JSON.stringify({ version: '3.8', services: { web } }));
    await swarm.docker('stack', 'deploy', '--resolve-image', 'never', '-c', file, 'cli');
    await swarm.converge('cli_web', 2);
    const ids = () => swarm.docker('service', 'ps', '-q', 'cli_web');
    const before = await ids();
    await page.goto(`${origin}/ui/stacks/cli/edit`);
    await page.getByText('This stack was deployed by the docker CLI').waitFor();
    await page.locator('[data-action]').filter({ hasText: 'service cli_web' }).waitFor();
    const planned = page.locator('[data-action]').filter({ hasText: 'service cli_web' });
    assert.match((await planned.textContent()) ?? '', /stays as it is/);
    await page.getByRole('button', { name: 'Deploy' }).click();
    await page.getByText('Revision 1 of cli runs.').waitFor({ timeout: 60_000 });
    assert.equal(await ids(), before, 'its tasks are the same');

    await edit(page, (text) => text.replace('replicas: 2', 'replicas: 3').replace('costs', 'now costs'));
    await page.getByText(/~ is changed, 2 tasks restart/).waitFor();
    await page.getByRole('button', { name: 'Deploy' }).click();
    await page.getByText('Revision 2 of cli runs.').waitFor({ timeout: 60_000 });
    await swarm.docker('service', 'scale', '--detach', 'cli_web=1');
    await page.goto(`${origin}/ui/stacks/cli/edit`);
    await page.getByText('What runs is not what revision 2 says').waitFor();

    await page.goto(`${origin}/ui/stacks/cli?tab=revisions`);
    await page.locator('[data-revision="2"]').getByRole('button', { name: 'Show' }).click();
    await page.locator('.diff-line[data-kind=new]').filter({ hasText: 'replicas: 3' }).waitFor();
    await page.locator('[data-revision="1"]').getByRole('button', { name: 'Roll back to it' }).click();
    await page.getByRole('dialog').getByText('Mode.Replicated.Replicas: 1 → 2').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Roll back' }).click();
    await page.getByText('Revision 3 of cli runs.').waitFor({ timeout: 60_000 });
    await page.getByRole('tab', { name: 'Logs' }).click();
    // What stands for $5 is the shell's to say: nothing.
    await page.getByRole('log').getByText('it costs').first().waitFor();
    await swarm.docker('stack', 'rm', 'cli');
  });

  test('a config is changed in place: who uses it restarts, by the plan that was shown', async () => {
    const { swarm, page, origin } = visit();
    const file = `${swarm.lab.home}/page.txt`;
    await writeFile(file, 'the first edition\n');
    await swarm.docker('config', 'create', 'page', file);
    const loop = 'trap "exit 0" TERM; while :; do cat /page; sleep 1; done';
    await swarm.create('--name', 'reader', '--config', 'page', 'busybox', 'sh', '-c', loop);
    const other = await swarm.create(
      '--name',
      'other',
      'busybox',
      'sh',
      '-c',
      loop.replace('cat /page', 'echo beside'),
    );
    await swarm.converge('reader', 1);
    await page.goto(`${origin}/ui/configs`);
    await page.getByRole('button', { name: 'Change page' }).click();
    await page.getByText('reader: 1 task restarts: 1 at a time; stops when one fails').waitFor();
    await page.getByRole('textbox', { name: 'Content' }).fill('the second edition\n');
    await page.locator('.diff-line[data-kind=gone]').filter({ hasText: 'the first edition' }).waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Change', exact: true }).click();
    const reader = await swarm.docker('service', 'inspect', '--format', '{{.ID}}', 'reader');
    await page.goto(`${origin}/ui/logs?service=${reader}&service=${other}`);
    await page.getByRole('log').getByText('the second edition').first().waitFor({ timeout: 30_000 });
    await page.getByRole('log').getByText('beside').first().waitFor();
    assert.deepEqual(await violations(page), []);
    await page.goto(`${origin}/ui/configs`);
    await page.getByRole('button', { name: 'Change page' }).click();
    await page.getByRole('table', { name: 'Versions' }).getByText('reader').first().waitFor();
    await page.keyboard.press('Escape');
    await swarm.remove('reader', 'other');
    await swarm.docker('config', 'rm', 'page');
  });

  test('a service is made by a form: it runs, on a network that was made as well', async () => {
    const { swarm, page, origin } = visit();
    await page.goto(`${origin}/ui/networks`);
    await page.getByRole('button', { name: 'New network' }).click();
    await page.getByRole('dialog').getByLabel('Name', { exact: true }).fill('made-here');
    await page.getByLabel('attachable').check();
    await page.getByRole('dialog').getByRole('button', { name: 'Create' }).click();
    await page.getByRole('link', { name: 'made-here' }).waitFor();
    await page.goto(`${origin}/ui/services`);
    await page.getByRole('link', { name: 'New service' }).click();
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByText('Say what it is called.').waitFor();
    await page.getByLabel('Name', { exact: true }).fill('formed');
    await page.getByLabel('Image', { exact: true }).fill('whoami:1');
    await page.getByLabel('Replicas', { exact: true }).fill('2');
    await page.getByLabel('Ports', { exact: true }).fill('8123:8080');
    await page.getByLabel('Networks', { exact: true }).fill('made-here');
    const command =
      'docker service create --name formed --replicas 2 --publish published=8123,target=8080,protocol=tcp,mode=ingress --network made-here whoami:1';
    await page.getByText(command).waitFor();
    assert.deepEqual(await violations(page), []);
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('heading', { name: 'formed' }).waitFor();
    await page.getByText('2/2').waitFor({ timeout: 30_000 });
    const ip = await swarm.lab.address('ub');
    // It runs before its program listens.
    await eventually(
      'its port answers',
      10_000,
      async () => (await fetch(`http://${ip}:8123/`)).status === 200,
    );
    await swarm.remove('formed');
    await swarm.docker('network', 'rm', 'made-here');
  });

  test('what root does with the CLI is in the activity, beside what is done here', async () => {
    const { page, origin } = visit();
    await page.goto(`${origin}/ui/activity`);
    const row = (what: string) => page.locator('[role=row]').filter({ hasText: what });
    await row('POST /services/create').filter({ hasText: 'root (socket)' }).first().waitFor();
    await row('made the service formed').filter({ hasText: 'admin' }).first().waitFor();
    await row('made the service reader').filter({ hasText: 'root' }).first().waitFor();
    await row('POST /essaim/stacks/cli').filter({ hasText: 'admin' }).first().waitFor();
  });
}

/** Another text in the editor that is open, as an upload puts it there. */
async function edit(page: Page, change: (text: string) => string): Promise<void> {
  const text = (await page.locator('.cm-line').allTextContents()).join('\n');
  const file = { name: 'compose.yaml', mimeType: 'text/yaml', buffer: Buffer.from(change(text)) };
  await page.locator('input[type=file]').setInputFiles([file]);
}
