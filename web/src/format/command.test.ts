import assert from 'node:assert/strict';
import { test } from 'node:test';
import { curl, labelCommand, networkCommand, networkOf } from './command.ts';

test('a request, as it is typed', () => {
  assert.equal(
    curl('host:9443', 'POST', '/essaim/registries', { host: "o'hub" }),
    "curl --cacert ca.pem -H 'Authorization: Bearer TOKEN' -X POST https://host:9443/essaim/registries" +
      ` -H 'Content-Type: application/json' -d '{"host":"o'\\''hub"}'`,
  );
});

test('labels: what is added, changed, taken away', () => {
  assert.equal(
    labelCommand('node2', { disk: 'hdd', zone: 'a', old: '' }, { disk: 'ssd', zone: 'a', 'in use': '' }),
    "docker node update --label-add disk=ssd --label-add 'in use' --label-rm old node2",
  );
});

test('a network: what is asked for is what the command asks for', () => {
  assert.deepEqual(networkOf('back', ['encrypted', 'internal'], '10.9.0.0/24'), {
    ...{ Name: 'back', Driver: 'overlay', Internal: true, Options: { encrypted: '' } },
    IPAM: { Config: [{ Subnet: '10.9.0.0/24' }] },
  });
  assert.equal(
    networkCommand('back', ['encrypted', 'internal'], '10.9.0.0/24'),
    'docker network create --driver overlay --opt encrypted --internal --subnet 10.9.0.0/24 back',
  );
  assert.deepEqual(networkOf('front', [], ''), { Name: 'front', Driver: 'overlay' });
  assert.equal(networkCommand('', [], ''), 'docker network create --driver overlay NAME');
});
