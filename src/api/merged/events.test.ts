import assert from 'node:assert/strict';
import { test } from 'node:test';
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
