import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, NodeState } from '../../model/objects.ts';
import { sampleNode } from '../../store/samples.ts';
import { applyFacts, type NodeFacts, waitsForEngine } from './node-facts.ts';

const NOW = Date.parse('2026-03-01T00:00:00Z');

function node(State: NodeState, engineAway: boolean, left = false): Node {
  const base = sampleNode('n');
  const internal = { ...base.internal, ...(engineAway && { engineAway }), ...(left && { left }) };
  return { ...base, Status: { State, Addr: '10.0.0.2' }, internal };
}

const after = (before: Node, facts: NodeFacts): Node => applyFacts(before, facts, NOW) ?? before;

test('what the engine has to do with the state of a node', () => {
  const ready = { state: 'ready' } as const;
  const cases: Array<[before: Node, facts: NodeFacts, after: NodeState]> = [
    [node('ready', false), { engineAway: true }, 'unknown'],
    [node('unknown', true), { engineAway: false }, 'ready'],
    [node('unknown', true), {}, 'unknown'],
    [node('unknown', false), { engineAway: false }, 'unknown'],
    [node('down', true), { engineAway: false }, 'ready'],
    [node('down', false), { engineAway: false }, 'down'],
    [node('down', true, true), { engineAway: false }, 'down'],
    [node('disconnected', false), { engineAway: true }, 'disconnected'],
    [node('disconnected', true), { engineAway: false }, 'disconnected'],
    [node('unknown', false), { status: ready, engineAway: false }, 'ready'],
    [node('ready', false), { status: ready, engineAway: true }, 'unknown'],
    [node('disconnected', false), { status: ready, engineAway: true }, 'unknown'],
    [node('down', false), { status: ready, engineAway: true }, 'down'],
    [node('down', true), { status: ready, engineAway: false }, 'ready'],
    [node('unknown', true), { status: { state: 'down', message: 'lost' } }, 'down'],
  ];
  for (const [before, facts, expected] of cases) {
    const what = JSON.stringify([before.Status.State, before.internal, facts]);
    assert.equal(after(before, facts).Status.State, expected, what);
  }
});

test('a node waits for its engine until it is down or the engine answers', () => {
  const waiting = after(node('ready', false), { engineAway: true });
  assert.equal(waitsForEngine(waiting), true);
  assert.equal(waiting.Status.Message, 'the engine of the host does not answer');
  assert.equal(waitsForEngine(after(waiting, { status: { state: 'down', message: 'lost' } })), false);
  const back = after(waiting, { engineAway: false });
  assert.deepEqual([back.Status, back.internal], [node('ready', false).Status, sampleNode('n').internal]);
});
