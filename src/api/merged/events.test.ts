import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Filters } from '../filters.ts';
import { isEnginesOwn } from './cluster-events.ts';
import { asOverlays } from './events.ts';

test('what stands for an overlay is told of as an overlay, and nothing else is', () => {
  const of = (Type: string, type: string): string =>
    JSON.stringify({ Type, Action: 'connect', Actor: { ID: 'n', Attributes: { name: 'app', type } } });
  const lines = (...all: string[]): string => `${all.join('\n')}\n`;
  assert.equal(
    asOverlays(lines(of('network', 'essaim'), of('container', 'essaim'), of('network', 'bridge'))),
    lines(of('network', 'overlay'), of('container', 'essaim'), of('network', 'bridge')),
  );
});

test('the stream of the engine is passed on as it is where it tells of no network', () => {
  const own = (fields: Record<string, string[]>): boolean =>
    isEnginesOwn(new Filters(Object.entries(fields)));
  assert.deepEqual(
    [own({ type: ['container', 'image'] }), own({ type: ['service'], scope: ['local'] })],
    [true, true],
  );
  // Its networks are overlays, too, of which it tells with a driver of ours.
  assert.deepEqual([own({ scope: ['local'] }), own({ type: ['network'], scope: ['local'] })], [false, false]);
  assert.deepEqual(
    [own({}), own({ type: ['container', 'node'] }), own({ scope: ['swarm'] })],
    [false, false, false],
  );
});
