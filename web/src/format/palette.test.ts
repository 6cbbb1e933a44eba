import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeRow, ServiceRow, TaskRow } from '../../../src/ui/protocol.ts';
import { found, type Known } from './palette.ts';

const service = (name: string, stack?: string) =>
  ({ id: `s-${name}`, name, stack, image: 'nginx:1', mode: 'replicated', wanted: 2 }) as ServiceRow;
const node = (name: string, availability = 'active') =>
  ({ id: `n-${name}`, name, address: '10.0.0.7', availability }) as NodeRow;
const task = {
  id: 't1',
  name: 'web.1',
  state: 'running',
  container: 'c1',
  addresses: ['10.0.1.9/24'],
} as TaskRow;
const known: Known = {
  places: [
    { path: '/', title: 'Overview' },
    { path: '/services', title: 'Services' },
  ],
  services: [service('shop_web', 'shop'), service('web'), service('db')],
  stacks: [{ id: 'shop' } as Known['stacks'][number]],
  nodes: [node('node1'), node('node2', 'drain')],
  tasks: [task],
  named: [{ kind: 'config', row: { id: 'c9', name: 'page' } as never }],
  mayChange: () => true,
  mayOperate: true,
};
const titles = (typed: string, others: Partial<Known> = {}) =>
  found(typed, { ...known, ...others }).map(({ title }) => title);

test('without a word, the pages; with one, all that bears it, what is called so first', () => {
  assert.deepEqual(titles(''), ['Overview', 'Services']);
  assert.deepEqual(titles('web'), ['web', 'shop_web', 'web.1']);
  assert.deepEqual(titles('10.0.1.9'), ['web.1']);
  assert.deepEqual(titles('n-node2'), ['node2']);
  assert.deepEqual(titles('page'), ['page']);
  assert.deepEqual(titles('nothing at all'), []);
});

test('things to do', () => {
  const [first] = found('scale web 9', known);
  assert.deepEqual(first!.deed, { do: 'scale', service: 's-web', name: 'web', replicas: 9 });
  assert.deepEqual(titles('scale db'), ['Scale db']);
  assert.deepEqual(titles('restart shop'), ['Restart shop_web']);
  assert.deepEqual(found('logs db', known)[0]!.deed, { do: 'go', to: '/services/s-db?tab=logs' });
  assert.deepEqual(titles('drain node'), ['Drain node1']);
  assert.deepEqual(titles('activate node'), ['Activate node2']);
  assert.deepEqual(titles('console web'), ['Console in web.1']);
  assert.deepEqual(titles('edit shop'), ['Edit shop']);
});

test('nobody is offered what would be refused', () => {
  const viewer = { mayChange: () => false, mayOperate: false };
  for (const typed of ['scale web 9', 'restart web', 'drain node', 'console web', 'edit shop'])
    assert.deepEqual(titles(typed, viewer), [], typed);
  assert.deepEqual(titles('logs db', viewer), ['Logs of db']);
});
