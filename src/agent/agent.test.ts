/** The agent with a clock that the tests turn, an engine of no substance and a manager that comes and goes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { settled } from '../../test/support/virtual-clock.ts';
import { isTerminal } from '../model/task-state.ts';
import { makeTask } from './testing/manager.ts';
import { world } from './testing/world.ts';

test('a task comes to run and statuses travel together', () =>
  world(async ({ clock, manager }) => {
    manager.assign(...Array.from({ length: 50 }, (_, i) => makeTask(`t${i}`)));
    await clock.advance(1000);
    for (let i = 0; i < 50; i++) assert.equal(manager.status(`t${i}`)?.State, 'running');
    assert.ok(manager.batches < 10, `${manager.batches} batches`);
  }));

test('a task runs once its container can be reached at all its addresses, and not before', () =>
  world(async ({ clock, engine, manager }) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    engine.completion = promise;
    manager.assign(makeTask('t1'));
    await clock.advance(1000);
    assert.equal(engine.containers.get('t1')?.state, 'running');
    assert.equal(manager.status('t1')?.State, 'starting');
    resolve();
    await clock.advance(1000);
    assert.equal(manager.status('t1')?.State, 'running');
  }));

test('a task that joins others runs once its published ports are listened at; one that is to stop before that does not wait', () =>
  world(async ({ clock, engine, manager }) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    engine.listens = promise;
    await clock.advance(100);
    manager.publish(makeTask('t1').ServiceID);
    manager.assign(makeTask('t1'), makeTask('t2'));
    await clock.advance(1000);
    assert.equal(engine.containers.get('t1')?.state, 'running');
    assert.equal(manager.status('t1')?.State, 'starting');
    manager.desire('t2', 'shutdown');
    await clock.advance(1000);
    assert.equal(manager.status('t2')?.State, 'shutdown');
    assert.equal(manager.status('t1')?.State, 'starting');
    resolve();
    await clock.advance(1000);
    assert.equal(manager.status('t1')?.State, 'running');
  }));

test('where nobody else is called in its place, a task is not waited for until it listens', () =>
  world(async ({ clock, engine, manager }) => {
    engine.listens = new Promise(() => undefined);
    await clock.advance(100);
    manager.publish('another');
    manager.assign(makeTask('t1'));
    await clock.advance(1000);
    assert.equal(manager.status('t1')?.State, 'running');
  }));

test('sessions are tried again ever more slowly, and fast again after one that held', () =>
  world(async ({ clock, manager }) => {
    await clock.advance(100);
    assert.equal(manager.sessions, 1);
    manager.away = true;
    const attempts: number[] = [];
    const open = manager.open.bind(manager);
    manager.open = (request) => {
      attempts.push(clock.now());
      return open(request);
    };
    manager.cut();
    await clock.advance(60_000);
    const gaps = attempts.slice(1).map((at, i) => at - attempts[i]!);
    assert.ok(gaps[0]! < 300 && Math.max(...gaps) <= 4100 && gaps.at(-1)! > 2000, String(gaps));
    manager.away = false;
    await clock.advance(5000);
    const before = attempts.length;
    manager.cut();
    await clock.advance(150);
    assert.equal(attempts.length, before + 1);
  }));

test('reports that are refused come again until they are taken, only the latest', () =>
  world(async ({ clock, manager }) => {
    await clock.advance(100);
    manager.deaf = true;
    manager.assign(makeTask('t1'));
    await clock.advance(3000);
    assert.deepEqual(manager.states('t1'), []);
    manager.deaf = false;
    await clock.advance(1000);
    assert.deepEqual(manager.states('t1'), ['running']);
  }));

test('all that is known is told again in a new session', () =>
  world(async ({ clock, manager }) => {
    manager.assign(makeTask('t1'));
    await clock.advance(1000);
    manager.history.clear();
    manager.cut();
    await clock.advance(1000);
    assert.deepEqual(manager.states('t1'), ['running']);
  }));

test('a changed host is described again, an unchanged one is not', () =>
  world(async ({ clock, engine, manager }) => {
    await clock.advance(61_000);
    assert.equal(manager.descriptions.length, 1);
    engine.hostname = 'h2';
    await clock.advance(21_000);
    assert.equal(manager.descriptions.at(-1)?.Hostname, 'h2');
    await clock.advance(61_000);
    assert.equal(manager.descriptions.length, 2);
  }));

test('whether its engine answers is told at once, and to a new session with what the engine said last', () =>
  world(async ({ clock, engine, manager }) => {
    await clock.advance(1000);
    const [first] = manager.descriptions;
    engine.away = true;
    engine.answers(false);
    await clock.advance(20);
    assert.deepEqual(manager.descriptions, [first, { ...first, EngineAway: true }]);
    manager.cut();
    await clock.advance(1000);
    assert.deepEqual(manager.descriptions.slice(2), [{ ...first, EngineAway: true }]);
    engine.away = false;
    engine.answers(true);
    await clock.advance(20);
    assert.deepEqual(manager.descriptions.slice(3), [first]);
    await clock.advance(61_000);
    assert.equal(manager.descriptions.length, 4);
  }));

test('an agent whose engine comes after it has a session as soon as that answers', () =>
  world(async ({ clock, engine, manager, again }) => {
    await clock.advance(100);
    engine.away = true;
    await again();
    const before = manager.sessions;
    await clock.advance(60_000);
    assert.equal(manager.sessions, before);
    engine.away = false;
    engine.answers(true);
    await clock.advance(100);
    assert.equal(manager.sessions, before + 1);
  }));

test('of a service that is gone nothing is started any more, and what runs is told by itself to stop', () =>
  world(async ({ clock, engine, manager }) => {
    manager.assign(makeTask('runs'), { task: { ...makeTask('other'), ServiceID: 'service2' } });
    await clock.advance(1000);
    manager.assign(makeTask('coming'));
    manager.assign({ task: { ...makeTask('coming too'), ServiceID: 'service2' } });
    await clock.advance(15);
    // Told in one breath with a task that was placed just before.
    manager.send({ tasks: [{ task: makeTask('late') }], removedServices: ['service1'] });
    await clock.advance(1000);
    const ids = ['runs', 'other', 'coming', 'coming too', 'late'];
    assert.deepEqual(
      ids.map((id) => manager.status(id)?.State),
      ['running', 'running', 'shutdown', 'running', 'shutdown'],
    );
    assert.deepEqual([...engine.starts.keys()], ['runs', 'other', 'coming too']);
    assert.ok(!engine.calls.includes('prepare late'));
    // What was decided before the service was gone is too late.
    manager.assign(makeTask('coming'));
    await clock.advance(1000);
    assert.equal(engine.starts.has('coming'), false);
  }));

test('an engine that is away for a while fails no task', () =>
  world(async ({ clock, engine, manager }) => {
    await clock.advance(100);
    manager.assign(makeTask('run'));
    await clock.advance(1000);
    engine.away = true;
    manager.assign(makeTask('new'));
    engine.tell(undefined);
    engine.tell('run');
    await clock.advance(30_000);
    assert.equal(manager.status('run')?.State, 'running');
    assert.equal(manager.status('new')?.State, 'preparing');
    assert.equal(engine.calls.filter((call) => call === 'prepare new').length, 30);
    engine.away = false;
    await clock.advance(2000);
    assert.equal(manager.status('new')?.State, 'running');
  }));

test('a task that is stopped while it is prepared is shut down', () =>
  world(async ({ clock, manager, engine }) => {
    await clock.advance(100);
    manager.assign(makeTask('t1'));
    await clock.advance(5);
    manager.desire('t1', 'shutdown');
    await clock.advance(1000);
    assert.equal(manager.status('t1')?.State, 'shutdown');
    assert.equal(engine.starts.get('t1'), undefined);
  }));

test('what is desired does not go back', () =>
  world(async ({ clock, manager }) => {
    manager.assign(makeTask('t1'));
    await clock.advance(1000);
    manager.desire('t1', 'shutdown');
    manager.desire('t1', 'running');
    await clock.advance(1000);
    assert.equal(manager.status('t1')?.State, 'shutdown');
  }));

test('a container that was destroyed without a trace has failed', () =>
  world(async ({ clock, engine, manager }) => {
    manager.assign(makeTask('t1'));
    await clock.advance(1000);
    engine.destroy('t1');
    await clock.advance(1000);
    assert.equal(manager.status('t1')?.Err, 'dockerexec: container destroyed');
  }));

test('an event that was lost is made up for when all is looked at', () =>
  world(async ({ clock, engine, manager }) => {
    manager.assign(makeTask('t1'));
    await clock.advance(1000);
    engine.containers.set('t1', { ...engine.containers.get('t1')!, state: 'exited', exitCode: 2 });
    await clock.advance(1000);
    assert.equal(manager.status('t1')?.State, 'running');
    engine.tell(undefined);
    await clock.advance(1000);
    assert.equal(manager.status('t1')?.Err, 'task: non-zero exit (2)');
  }));

test('a container that runs although its task is over is stopped', () =>
  world(async ({ clock, engine, manager }) => {
    const container = { containerId: 'c', state: 'running' as const, pid: 1, exitCode: 0, ports: {} };
    engine.containers.set('t1', { ...container, taskId: 't1' });
    manager.assign(makeTask('t1', { state: 'rejected', desired: 'shutdown' }));
    await clock.advance(1000);
    assert.equal(engine.containers.get('t1')?.state, 'exited');
    assert.equal(engine.starts.size, 0);
  }));

test('removal is tried until it is done', () =>
  world(async ({ clock, engine, manager }) => {
    manager.assign(makeTask('t1'));
    await clock.advance(1000);
    engine.away = true;
    manager.remove('t1');
    await clock.advance(5000);
    assert.ok(engine.containers.has('t1'));
    engine.away = false;
    await clock.advance(2000);
    assert.ok(!engine.containers.has('t1'));
  }));

test('containers of nobody are removed only once it is known what is wanted', () =>
  world(async ({ clock, engine, manager }) => {
    const container = { containerId: 'c', state: 'running' as const, pid: 1, exitCode: 0, ports: {} };
    manager.away = true;
    engine.containers.set('x', { ...container, taskId: 'x' });
    manager.cut();
    engine.tell(undefined);
    await clock.advance(10_000);
    assert.ok(engine.containers.has('x'));
    manager.away = false;
    await clock.advance(10_000);
    assert.ok(!engine.containers.has('x'));
  }));

type Fault =
  | 'cut'
  | 'manager away'
  | 'deaf'
  | 'engine away'
  | 'all well'
  | 'agent again'
  | 'exit'
  | 'destroy'
  | 'stop'
  | 'remove'
  | 'assign'
  | 'lost event';
const FAULTS: Fault[] = [
  'cut',
  'manager away',
  'deaf',
  'engine away',
  'all well',
  'agent again',
  'exit',
  'destroy',
  'stop',
  'remove',
  'assign',
  'lost event',
];

test('whatever happens: states go forward, nothing starts twice, and in the end all is as it is wanted', async () => {
  const event = fc.record({ fault: fc.constantFrom(...FAULTS), task: fc.nat(3), after: fc.nat(3000) });
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 25 }), (events) =>
      world(async ({ clock, engine, manager, again }) => {
        let made = 0;
        // An agent that ended before it could report, and whose container is gone, cannot be known to have run.
        const lost = new Set<string>();
        const assign = (): void => manager.assign(makeTask(`t${made++}`));
        for (let i = 0; i < 3; i++) assign();
        const allWell = (): void => {
          manager.away = manager.deaf = engine.away = false;
        };
        for (const { fault, task, after } of events) {
          const ids = [...manager.tasks.keys()];
          const id = ids[task % Math.max(1, ids.length)] ?? 'none';
          if (fault === 'cut') manager.cut();
          if (fault === 'manager away') manager.away = true;
          if (fault === 'deaf') manager.deaf = true;
          if (fault === 'engine away') engine.away = true;
          if (fault === 'all well') allWell();
          if (fault === 'agent again') await again();
          if (fault === 'exit') engine.end(id, 1);
          if (fault === 'destroy') engine.destroy(id);
          if (fault === 'destroy' || fault === 'lost event') lost.add(id);
          if (fault === 'stop' && manager.tasks.has(id)) manager.desire(id, 'shutdown');
          if (fault === 'remove') manager.remove(id);
          if (fault === 'assign') assign();
          if (fault === 'lost event') engine.containers.delete(id);
          await clock.advance(after);
        }
        allWell();
        manager.cut();
        await clock.advance(10_000);
        engine.tell(undefined);
        await clock.advance(10_000);
        await settled();
        for (const [id, count] of engine.starts)
          assert.ok(count === 1 || lost.has(id), `${id} was started ${count} times`);
        for (const id of engine.containers.keys()) assert.ok(manager.tasks.has(id), `${id} is nobody's`);
        for (const [id, { task }] of manager.tasks) {
          const container = engine.containers.get(id);
          const state = manager.status(id)?.State ?? 'new';
          if (task.DesiredState === 'shutdown') assert.ok(isTerminal(state), `${id} is ${state}`);
          else assert.ok(state === 'running' || isTerminal(state), `${id} is ${state}`);
          assert.equal(container?.state === 'running', state === 'running', `${id} is ${state}`);
        }
      }),
    ),
    { numRuns: 150 },
  );
});

test('a host that is about to be switched off says so, then stops its tasks without a word of them', () =>
  world(async ({ clock, engine, manager, switchOff }) => {
    manager.assign(makeTask('t1'), makeTask('t2'));
    await clock.advance(1000);
    const before = engine.calls.length;
    const ended = switchOff();
    await clock.advance(1000);
    await ended;
    assert.equal(manager.gone, 1);
    assert.deepEqual(
      engine.calls.slice(before).filter((call) => call.startsWith('stop')),
      ['stop t1', 'stop t2'],
    );
    assert.equal(manager.status('t1')?.State, 'running');
    assert.equal(manager.sessions, 1);
  }));

test('a host that is switched off without a manager in reach stops its tasks all the same', () =>
  world(async ({ clock, engine, manager, switchOff }) => {
    manager.assign(makeTask('t1'));
    await clock.advance(1000);
    manager.away = true;
    manager.cut();
    const ended = switchOff();
    await clock.advance(1000);
    await ended;
    assert.equal(engine.containers.get('t1')?.state, 'exited');
  }));
