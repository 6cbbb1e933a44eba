/** Somebody who may only look, on a real swarm: no secret, no console, and every write there is refused in the API itself. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { test } from 'node:test';
import { GRANTS } from '../../../src/access/grants.ts';
import type { Visit } from './visit.ts';

export function looker(at: () => Visit): void {
  test('a viewer sees no secret and has no console, and all writes that there are are refused', async () => {
    const { swarm, browser, origin, password } = at();
    const file = `${swarm.lab.home}/viewer-password`;
    await writeFile(file, `${password}\n`);
    const essaim = (...args: string[]) => swarm.lab.essaim(swarm.manager, ...args);
    await essaim('user', 'add', 'vera', '--role', 'viewer', '--password-file', file);
    const token = await essaim('token', 'create', 'walk', '--user', 'vera');
    const loop = 'trap "exit 0" TERM; while :; do sleep 1; done';
    const id = await swarm.create('--name', 'shown', '--env', 'KEY=hush', 'busybox', 'sh', '-c', loop);
    await swarm.converge('shown', 1);

    const { context, page, faults } = await browser.visitor();
    await page.goto(`${origin}/ui/services/${id}?tab=settings`);
    await page.getByLabel('Name').fill('vera');
    await page.getByLabel('Password', { exact: true }).fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('KEY=(hidden)').first().waitFor();
    await page.goto(`${origin}/ui/containers`);
    await page.locator('[role=row]').filter({ hasText: 'shown.1' }).getByRole('link').click();
    await page.getByRole('tab', { name: 'Inspect' }).click();
    await page.getByText('KEY=(hidden)').first().waitFor();
    for (const name of ['Console', 'Stop', 'More', 'Remove'])
      assert.equal(
        await page.getByRole('button', { name }).or(page.getByRole('link', { name })).count(),
        0,
        name,
      );
    assert.deepEqual(faults, []);
    await context.close();

    const wrong: string[] = [];
    const writes = GRANTS.filter(
      ({ method, right }) => method !== 'GET' && method !== 'HEAD' && right !== 'open',
    );
    for (const { method, path, right, reads } of writes) {
      if (right === 'self' || reads) continue;
      const status = await ask(origin, token, method, path.replace(/\{[^}]+\}/g, id));
      if (status !== (right === 'socket' ? 404 : 403)) wrong.push(`${method} ${path}: ${status}`);
    }
    assert.deepEqual(wrong, []);
    assert.equal((await swarm.tasks('shown')).length, 1, 'nothing has happened to it');
    await swarm.remove('shown');
  });
}

function ask(origin: string, token: string, method: string, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(`${origin}${path}`, {
      method,
      // The certificate is the swarm's own.
      rejectUnauthorized: false,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    });
    asked.once('response', (answer) => {
      answer.resume();
      resolve(answer.statusCode!);
    });
    asked.once('error', reject);
    asked.end(method === 'DELETE' ? undefined : '{}');
  });
}
