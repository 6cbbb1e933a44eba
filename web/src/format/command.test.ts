import assert from 'node:assert/strict';
import { test } from 'node:test';
import { curl, labelCommand } from './command.ts';

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
