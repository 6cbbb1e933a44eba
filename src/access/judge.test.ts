import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openMemoryStore } from '../store/memory.ts';
import type { Actor } from './actor.ts';
import { judged } from './judge.ts';

const { view } = openMemoryStore();
const bob: Actor = {
  ...{ name: 'bob', role: 'deployer', stacks: new Set(['shop']), scope: 'all' },
  via: { kind: 'session', id: 's', name: '' },
};
const LABELS = '{"com.docker.stack.namespace":"shop"}';
const forwarded = (rule: Parameters<typeof judged>[0], body: string): unknown =>
  JSON.parse(judged(rule, body, bob, view).body);

test('what is forwarded is what was judged: names as they are read, the last of two, nothing that is unknown', () => {
  const labels = { 'com.docker.stack.namespace': 'shop' };
  assert.deepEqual(
    forwarded(
      'service',
      `{"Name":"bank_web","name":"shop_web","labels":${LABELS},"TaskTemplate":{"containerspec":{"Image":"x","Secret":1}},"More":{}}`,
    ),
    { Name: 'shop_web', Labels: labels, TaskTemplate: { ContainerSpec: { Image: 'x' } } },
  );
  for (const rule of ['network', 'secret', 'config'] as const)
    assert.deepEqual(
      forwarded(rule, `{"NAME":"shop_a","Labels":${LABELS},"More":1}`),
      { Name: 'shop_a', Labels: labels },
      rule,
    );
  assert.deepEqual(forwarded('exec', '{"cmd":["id"],"More":1}'), { Cmd: ['id'] });
});

test('an exec may not be privileged, however that is written', () => {
  for (const body of ['{"Privileged":true}', '{"privileged":true}', '{"Privileged":false,"privileged":true}'])
    assert.throws(() => forwarded('exec', body), { status: 403 }, body);
});
