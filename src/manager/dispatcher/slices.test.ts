import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import type { DownMessage } from '../../model/protocol.ts';
import type { Change } from '../../store/contract.ts';
import { openMemoryStore } from '../../store/memory.ts';
import { sampleCluster, sampleNode, sampleService, sampleTask } from '../../store/samples.ts';
import type { AgentSession } from '../contract.ts';
import { Dispatcher } from './dispatcher.ts';

const NODES = 12;

test('many agents are told in short stretches, with a rest before each, and none twice', async (t) => {
  const clock = new VirtualClock();
  const store = openMemoryStore();
  const commit = (...changes: Change[]) => store.commit({ changes });
  const nodes = Array.from({ length: NODES }, (_, index) => sampleNode(`n${index}`));
  await commit({ op: 'put', kind: 'cluster', object: sampleCluster('c', '', '') });
  await commit(...nodes.map((object): Change => ({ op: 'put', kind: 'node', object })));

  let cost = 0;
  const told: string[] = [];
  /** How many agents had been told at each rest, and how long the rest was to be. */
  const rests: Array<[number, number]> = [];
  const dispatcher = new Dispatcher({
    store,
    clock,
    roots: () => 'ROOTS',
    probe: async () => 'answered',
    hostsMayBoot: false,
    afterInput: (fn) => fn(),
    rest: async (ms) => {
      rests.push([told.length, ms]);
    },
    log: { info() {}, error: (_, message) => assert.fail(message) },
  });
  t.after(() => dispatcher.close());
  const open = async (nodeId: string) => {
    const session: AgentSession = {
      id: `session of ${nodeId}`,
      nodeId,
      remoteAddr: '10.0.0.9',
      signal: new AbortController().signal,
      send(message: DownMessage) {
        if (message.type !== 'assignments' || message.full) return true;
        clock.pause(cost);
        told.push(nodeId);
        return true;
      },
      ping: () => Promise.resolve(),
      close: () => assert.fail('closed'),
    };
    await dispatcher.opened(session, { description: nodes[0]!.Description!, addr: '10.0.0.2' });
  };
  const opened = nodes.map(({ ID }) => open(ID));
  await clock.advance(100);
  await Promise.all(opened);

  cost = 2;
  rests.length = 0;
  await commit(
    ...nodes.map(({ ID }, index): Change => {
      const task = sampleTask(`t${index}`, sampleService('s'), { NodeID: ID });
      return { op: 'put', kind: 'task', object: { ...task, Status: { ...task.Status, State: 'assigned' } } };
    }),
  );
  await clock.advance(1000);
  assert.deepEqual(
    told,
    nodes.map(({ ID }) => ID),
  );
  // Five milliseconds are three agents of two each.
  assert.deepEqual(rests.slice(-4), [
    [0, 0],
    [3, 6],
    [6, 6],
    [9, 6],
  ]);
});
