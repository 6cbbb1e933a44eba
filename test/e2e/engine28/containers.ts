/** Containers of one's own on an attachable network. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, containerOf, OWN, type Scenario } from './hosts.ts';

export const containers: Scenario = (swarm) => {
  test('containers of one’s own reach services and each other, whatever their engines', async () => {
    const { hosts, lab } = swarm();
    await swarm().docker('network', 'create', '-d', 'overlay', '--attachable', 'app');
    await swarm().create(
      '--name',
      'web',
      '--mode',
      'global',
      '--network',
      'app',
      '--hostname',
      'web-{{.Node.Hostname}}',
      'whoami',
    );
    await swarm().converge('web', 3);
    for (const host of hosts) {
      const named = [
        '--name',
        `box-${host}`,
        '--hostname',
        `box-${host}`,
        '--network-alias',
        `alias-${host}`,
      ];
      await lab.docker(host, 'run', '-d', ...named, '--network', 'app', 'whoami');
    }
    for (const host of hosts) {
      assert.match(await call(swarm(), host, `box-${host}`, 'web'), /^web-/);
      const task = await containerOf(swarm(), host, 'web');
      for (const other of hosts) {
        assert.equal(await call(swarm(), host, `box-${host}`, `box-${other}`), `box-${other}`);
        assert.equal(await call(swarm(), host, task, `alias-${other}`), `box-${other}`);
      }
    }
    // One that comes onto the network later was told nothing of who knows its names.
    for (const host of hosts) {
      const run = (name: string) =>
        lab.docker(host, 'run', '-d', '--name', name, '--hostname', name, '--network', 'own', 'whoami');
      await lab.docker(host, 'network', 'create', 'own');
      await run('beside');
      await run('late');
      await lab.docker(host, 'network', 'connect', 'app', 'late');
      assert.match(await call(swarm(), host, 'late', 'web'), /^web-/);
      for (const other of hosts)
        assert.equal(await call(swarm(), host, 'late', `alias-${other}`), `box-${other}`);
      assert.equal(await call(swarm(), host, 'late', 'beside'), 'beside');
      // From its first moment on, each time that it starts. Engines before 28 tell of a container when that is too late.
      if (host !== OWN) {
        const asks = ['timeout', '3', 'nslookup', 'web'];
        await lab.docker(host, 'create', '--name', 'first', '--network', 'own', 'busybox', ...asks);
        await lab.docker(host, 'network', 'connect', 'app', 'first');
        for (let start = 0; start < 3; start++)
          assert.match(await lab.docker(host, 'start', '--attach', 'first'), /^Name:\s+web$/m);
        await lab.docker(host, 'rm', 'first');
      }
      await lab.docker(host, 'rm', '-f', 'late', 'beside');
      await lab.docker(host, 'network', 'rm', 'own');
    }
    for (const host of hosts) await lab.docker(host, 'rm', '-f', `box-${host}`);
    await swarm().clear();
    await swarm().docker('network', 'rm', 'app');
  });
};
