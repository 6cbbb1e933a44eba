/** A stack with contents and a network of its own. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../../support/lab.ts';
import { call, containerOf, page, type Scenario } from './hosts.ts';

export const stacks: Scenario = (swarm) => {
  test('stacks: deploy, deploy again, change, remove', async () => {
    const { hosts, lab } = swarm();
    const file = join(lab.home, 'stack.yml');
    /** Deploys the stack with a config of that name and content. */
    const deploy = async (text: string): Promise<void> => {
      await writeFile(join(lab.home, text), text);
      const image = { image: 'whoami', deploy: { mode: 'global', update_config: { parallelism: 0 } } };
      const web = { ...image, ports: ['5000:8080'], configs: [text], secrets: ['one'] };
      const contents = { configs: { [text]: { file: `./${text}` } }, secrets: { one: { file: './one' } } };
      // JSON is YAML.
      await writeFile(file, JSON.stringify({ version: '3.8', services: { web, other: image }, ...contents }));
      const options = ['--resolve-image', 'never', '-c', file];
      await swarm().docker('stack', 'deploy', ...options, 'app');
    };
    const counts = async () =>
      Promise.all(['app_web', 'app_other'].map(async (name) => (await swarm().tasks(name)).length));
    for (const [text, tasks] of [
      ['one', [3, 3]],
      ['one', [3, 3]],
      ['two', [6, 3]],
    ] as const) {
      await deploy(text);
      await eventually('its tasks are made', 30_000, async () => (await counts()).join() === tasks.join());
      for (const name of ['app_web', 'app_other']) await swarm().converge(name, 3);
      for (const host of hosts) {
        const web = await containerOf(swarm(), host, 'app_web');
        assert.equal(
          await lab.docker(host, 'exec', web, 'cat', `/${text}`, '/run/secrets/one'),
          `${text}one`,
        );
        await call(swarm(), host, web, 'other');
        await page(swarm(), host, 5000);
      }
      assert.deepEqual(await counts(), tasks);
    }
    await swarm().docker('stack', 'rm', 'app');
    await swarm().gone('app_web', 'app_other');
    await eventually('the network is gone', 20_000, async () => {
      return (await swarm().docker('network', 'ls', '-q', '--filter', 'name=app_')) === '';
    });
  });
};
