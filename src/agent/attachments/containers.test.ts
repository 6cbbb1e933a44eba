import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attachedContainers } from './containers.ts';

const NETWORKS = [{ Id: 'e1', Name: 'app', Labels: { 'essaim.network': 'o1' } }];

test('what is on networks of the cluster and no task, in a fixed order', () => {
  const container = (Id: string, State: string, Networks: Record<string, object>, Labels = {}) => ({
    ...{ Id, Names: [`/${Id}-name`], State, Labels, NetworkSettings: { Networks } },
  });
  const given = { IPAMConfig: { IPv4Address: '10.0.1.5' } };
  const found = attachedContainers(NETWORKS, [
    container('c', 'running', {
      app: { NetworkID: 'e1', IPAddress: '10.0.1.7' },
      bridge: { IPAddress: '172.17.0.2' },
    }),
    container('b', 'created', { app: given }),
    container('a', 'exited', { app: { NetworkID: 'e1', ...given, GlobalIPv6Address: 'fd00::5' } }),
    container('task', 'running', { app: given }, { 'com.docker.swarm.task.id': 't1' }),
    container('other', 'running', { local: { NetworkID: 'e9', IPAddress: '10.9.0.2' } }),
    container('lost', 'exited', { app: { NetworkID: 'e1', IPAddress: '' } }),
  ]);
  const on = (...addresses: string[]) => [{ id: 'o1', addresses }];
  assert.deepEqual(found, [
    { id: 'a', name: 'a-name', running: false, networks: on('10.0.1.5', 'fd00::5') },
    { id: 'b', name: 'b-name', running: false, networks: on('10.0.1.5') },
    { id: 'c', name: 'c-name', running: true, networks: on('10.0.1.7') },
  ]);
});
