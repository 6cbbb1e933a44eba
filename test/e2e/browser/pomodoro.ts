/**
 * A web application's back end with MariaDB, as a tutorial has it done: its compose file and `.env` are uploaded, one variable is
 * wrong, the log says so, it is corrected on the service.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { violations } from '../../support/browser.ts';
import { exampleFile } from '../../support/examples.ts';
import { eventually } from '../../support/lab.ts';
import { rowOf, type Visit } from './visit.ts';

export function pomodoro(at: () => Visit): void {
  /** What the back end answers, asked at a host's published port. */
  const ask = async (host: string, task?: string): Promise<{ status: number; pomodoros?: string[] }> => {
    const request = task === undefined ? {} : { method: 'POST', body: JSON.stringify({ task }) };
    const answer = await fetch(`http://${await at().swarm.lab.address(host)}:8080/`, {
      ...request,
      signal: AbortSignal.timeout(10_000),
    });
    return { ...((await answer.json()) as { pomodoros?: string[] }), status: answer.status };
  };

  test('a stack from an uploaded compose.yaml with its .env: deployed, scaled, its log read, a variable corrected, MariaDB answers', async () => {
    const { page, origin } = at();
    const variables = (await exampleFile('pomodoro/.env')).toString();
    await page.goto(`${origin}/ui/stacks`);
    await page.getByRole('link', { name: 'New stack' }).first().click();
    await page.getByLabel('Name', { exact: true }).fill('pomodoro');
    await page.locator('input[type=file]').setInputFiles([
      { name: 'compose.yaml', mimeType: 'text/yaml', buffer: await exampleFile('pomodoro/compose.yaml') },
      { name: '.env', mimeType: 'text/plain', buffer: Buffer.from(variables.replace('=db', '=database')) },
    ]);
    await page
      .getByText(/build has no effect in a swarm/)
      .first()
      .waitFor();
    for (const name of ['DB_HOST', 'DB_NAME', 'DB_USER', 'DB_PASSWORD'])
      await page.getByText(`${name} ✓`).waitFor();
    await page.getByText('service pomodoro_backend').waitFor();
    await page.getByRole('button', { name: 'Deploy' }).click();
    await page.getByText('Revision 1 of pomodoro runs.').waitFor({ timeout: 120_000 });
    await page.getByRole('link', { name: 'See the stack' }).click();

    await page.getByLabel('Replicas of pomodoro_backend').fill('5');
    await page.getByLabel('Replicas of pomodoro_backend').press('Enter');
    await rowOf(page, 'pomodoro_backend')
      .locator('[data-cell=replicas]')
      .getByText('5/5')
      .waitFor({ timeout: 60_000 });

    assert.equal((await ask('ua')).status, 503, 'it looks for its database at the wrong place');
    await rowOf(page, 'pomodoro_backend').locator('[data-cell=name]').getByRole('link').click();
    await page.getByRole('tab', { name: 'Logs' }).click();
    await page
      .getByRole('log')
      .getByText(/The database: .*Can't connect to MySQL server on 'database'/)
      .first()
      .waitFor();

    await page.getByRole('tab', { name: 'Settings' }).click();
    const field = page.getByLabel('Variables');
    await field.fill((await field.inputValue()).replace('DB_HOST=database', 'DB_HOST=db'));
    await page.getByText(/5 tasks restart/).waitFor();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('update completed').waitFor({ timeout: 120_000 });
    assert.equal((await ask('ua', 'read the log')).status, 200);
    await eventually('what was noted is told on the other host', 10_000, async () =>
      (await ask('ub')).pomodoros?.includes('read the log'),
    );
  });

  test('a console into it on another host goes on when the page is loaded again', async () => {
    const { page } = at();
    await page.getByRole('tab', { name: 'Tasks' }).click();
    await rowOf(page, 'ub').filter({ hasText: 'running' }).first().getByRole('link').click();
    await page.getByRole('link', { name: 'Console' }).click();
    await page.getByText('● Connected').waitFor();
    await page.keyboard.type('echo $DB_HOST-$((6*7)); hostname\n');
    await page.locator('.xterm-rows').getByText('db-42').waitFor();
    assert.deepEqual(await violations(page), []);
    await page.reload();
    await page.getByText('● Connected').waitFor();
    await page.locator('.xterm-rows').getByText('db-42').waitFor();
    await page.keyboard.type('exit 3\n');
    await page.getByText('the program has ended, exit code 3').waitFor();
  });

  test('the stack is removed, its name typed', async () => {
    const { page, origin } = at();
    await page.goto(`${origin}/ui/stacks/pomodoro`);
    await page.getByRole('button', { name: 'Remove' }).click();
    await page.getByLabel('Type pomodoro to go on').fill('pomodoro');
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await page.getByText('There is no stack yet').waitFor({ timeout: 60_000 });
  });
}
