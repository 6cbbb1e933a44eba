import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attachedContainers } from './containers.ts';

const NETWORKS = [{ Id: 'e1', Name: 'app', Labels: { 'essaim.network': 'o1' } }];

const WEB = { service: 'web', port: 80, protocol: 'tcp', tags: [] };

test('what is on networks of the cluster and no task, in a fixed order', () => {
  const container = (Id: string, State: string, Networks: Record<string, object>, Labels = {}) => ({
    ...{ Id, Names: [`/${Id}-name`], State, Labels, NetworkSettings: { Networks } },
    ...{ Image: 'acme/web:1', Ports: [{ PrivatePort: 80, Type: 'tcp' }], Status: 'Up 3 seconds' },
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
    { id: 'c', name: 'c-name', running: true, offers: [WEB], networks: on('10.0.1.7') },
  ]);
  const sick = { ...container('c', 'running', { app: given }), Status: 'Up 3 seconds (unhealthy)' };
  assert.equal(attachedContainers(NETWORKS, [sick])[0]!.offers, undefined);
  const named = new Map([['c', ['SERVICE_NAME=site', 'SERVICE_TAGS=a']]]);
  const [site] = attachedContainers(NETWORKS, [container('c', 'running', { app: given })], named);
  assert.deepEqual(site!.offers, [{ ...WEB, service: 'site', tags: ['a'] }]);
});
