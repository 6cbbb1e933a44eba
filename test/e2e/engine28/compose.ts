/** Compose v2, beside the swarm and on its networks. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { call, type Scenario, STAY } from './hosts.ts';

export const compose: Scenario = (swarm) => {
  test('compose v2 on each engine: networks of its own, and one of the swarm', async () => {
    const { hosts, lab } = swarm();
    await swarm().docker('network', 'create', '-d', 'overlay', '--attachable', 'shared');
    await swarm().create('--name', 'web', '--network', 'shared', '--hostname', 'service', 'whoami');
    await swarm().converge('web', 1);
    const file = join(lab.home, 'compose.yml');
    const near = { image: 'whoami', hostname: 'near' };
    const box = {
      image: 'busybox',
      command: STAY,
      networks: ['default', 'shared'],
      depends_on: ['near'],
      volumes: ['data:/data'],
    };
    const networks = { shared: { external: true } };
    await writeFile(
      file,
      JSON.stringify({ name: 'project', services: { near, box }, networks, volumes: { data: {} } }),
    );
    for (const host of hosts) {
      const run = (...args: string[]) => lab.docker(host, 'compose', '-f', file, ...args);
      await run('up', '-d', '--pull', 'never', '--quiet-pull');
      assert.equal(await call(swarm(), host, 'project-box-1', 'web'), 'service');
      assert.equal(await call(swarm(), host, 'project-box-1', 'near'), 'near');
      assert.match(await run('ps', '--format', '{{.Service}} {{.State}}'), /^box running\nnear running$/);
      assert.equal(await run('exec', '-T', 'box', 'sh', '-c', 'echo kept >/data/x; cat /data/x'), 'kept');
      await run('down', '--volumes', '--timeout', '1');
      assert.equal(await lab.docker(host, 'ps', '-aq', '--filter', 'label=com.docker.compose.project'), '');
    }
    await swarm().clear();
    await swarm().docker('network', 'rm', 'shared');
  });
};
