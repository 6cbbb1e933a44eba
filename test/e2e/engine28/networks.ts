/** Names, virtual addresses and published ports between engines. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../../support/lab.ts';
import { call, containerOf, page, type Scenario, STAY } from './hosts.ts';

export const networks: Scenario = (swarm) => {
  test('networks: names, virtual addresses and published ports from every engine to every other', async () => {
    const { hosts, lab } = swarm();
    // As engines set it where the host did not forward before they came.
    const drop = 'for tool in iptables ip6tables; do $tool -w -P FORWARD DROP; done';
    for (const host of hosts) await lab.ssh(host, drop);
    await swarm().docker('network', 'create', '-d', 'overlay', 'net');
    await swarm().docker('network', 'create', '-d', 'overlay', '--opt', 'encrypted', 'secret');
    const on = ['--mode', 'global', '--network', 'net', '--network', 'secret'];
    const named = ['--hostname', '{{.Node.Hostname}}'];
    const ports = ['-p', '8080:8080', '-p', 'published=8081,target=8080,mode=host'];
    await swarm().create('--name', 'web', ...on, ...named, ...ports, 'whoami');
    await swarm().create('--name', 'client', ...on, 'busybox', ...STAY);
    await swarm().converge('web', 3);
    await swarm().converge('client', 3);
    const all = [...hosts].sort().join();
    for (const host of hosts) {
      const client = await containerOf(swarm(), host, 'client');
      const shared = new Set<string>();
      await eventually(`all three answer ${client}`, 20_000, async () => {
        shared.add(await call(swarm(), host, client, 'web'));
        return [...shared].sort().join() === all;
      });
      for (const other of hosts) assert.equal(await call(swarm(), host, client, other), other);
      const published = new Set<string>();
      await eventually(`all three answer at ${host}`, 20_000, async () => {
        published.add(await page(swarm(), host, 8080));
        return [...published].sort().join() === all;
      });
      assert.equal(await page(swarm(), host, 8081), host);
    }
    await swarm().clear();
    await swarm().docker('network', 'rm', 'net', 'secret');
  });
};
