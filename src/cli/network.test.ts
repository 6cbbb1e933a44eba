import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterCheck } from '../model/network-check.ts';
import { socketPath } from './daemon-api.ts';
import { checkText, isWell } from './network.ts';

const WELL = { node: 'n1', host: 'node1', revision: 7, networks: 2, differences: [], mended: 3 };

test('all is well', () => {
  const check: ClusterCheck = { revision: 9, hosts: [WELL] };
  assert.ok(isWell(check));
  assert.equal(
    checkText(check),
    'HOST    STATE       NETWORKS   REVISION   MENDED\nnode1   as wanted   2          7          3\n\nstore at revision 9\n',
  );
});

test('what differs and who does not answer is named', () => {
  const check: ClusterCheck = {
    revision: 9,
    hosts: [
      { ...WELL, differences: ['network app: neighbour br0 10.0.1.7 is missing', 'published ports: x'] },
      {
        node: 'n2',
        host: 'node2',
        networks: 1,
        differences: [],
        error: 'does not answer (down): no session',
      },
    ],
  };
  assert.ok(!isWell(check));
  const text = checkText(check);
  assert.match(text, /^node1 +2 differences +2 +7 +3$/m);
  assert.match(text, /^node2 +no answer +1 +- +-$/m);
  assert.match(
    text,
    /\n\nnode1: network app: neighbour br0 10\.0\.1\.7 is missing\nnode1: published ports: x\n/,
  );
  assert.match(text, /^node2: does not answer \(down\): no session\n$/m);
});

test('the daemon is asked where DOCKER_HOST says', () => {
  assert.equal(socketPath(undefined), '/run/essaim/docker.sock');
  assert.equal(socketPath('unix:///run/docker.sock'), '/run/docker.sock');
  assert.throws(() => socketPath('tcp://10.0.0.1:2376'), { name: 'UsageError', message: /only unix:\/\// });
});
