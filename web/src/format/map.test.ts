import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PlaceRow, TileRow } from '../../../src/ui/protocol.ts';
import { COLOURS, coloursOf, columnsOf } from './map.ts';

const place = (id: string, state = 'ready'): PlaceRow => ({
  ...{ id, version: 1, name: id, role: 'worker', state, availability: 'active' },
});
const tile = (name: string, changes: Partial<TileRow>): TileRow => ({
  ...{ id: name, version: 1, name, service: name.split('.')[0]!, serviceName: '', state: 'running' },
  desired: 'running',
  ...changes,
});
const shown = (words = '') =>
  columnsOf(
    [place('node10'), place('node2', 'down')],
    [
      tile('web.10', { node: 'node10' }),
      tile('web.2', { node: 'node10', stack: 'shop' }),
      tile('db.1', { node: 'node2', desired: 'shutdown' }),
      tile('db.1', { id: 'old', node: 'node10', desired: 'shutdown', state: 'failed' }),
      tile('big.1', { state: 'pending' }),
    ],
    words,
  ).map(({ name, tiles }) => [name, ...tiles.map((each) => `${each.name} ${each.state}`)]);

test('a column for each node, in the order of names; what was lost with its host is there, what is over is not', () => {
  assert.deepEqual(shown(), [
    ['node2', 'db.1 lost with its host'],
    ['node10', 'web.2 running', 'web.10 running'],
    ['No node yet', 'big.1 pending'],
  ]);
});

test('all words have to be found', () => {
  assert.deepEqual(shown('shop web'), [['node2'], ['node10', 'web.2 running']]);
});

test('a service has its colour, whatever the order; as few as can be have the same', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string(), { maxLength: 30 }), (services) => {
      const colours = coloursOf(services);
      assert.deepEqual(coloursOf(services.toReversed()), colours);
      const used = Array.from(
        { length: COLOURS },
        (_, at) => [...colours.values()].filter((c) => c === at).length,
      );
      assert.ok(Math.max(...used) - Math.min(...used) <= 1);
    }),
  );
});
