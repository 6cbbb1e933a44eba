import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Check, Liveness, type Verdict } from './liveness.ts';

const PERIOD = 5000;

/** One host under a Liveness that is ticked on time, answering at once. */
class World {
  readonly liveness = new Liveness(0, PERIOD);
  readonly verdicts: Array<Verdict & { at: number }> = [];
  readonly checks: Array<Check & { at: number }> = [];
  now = 0;
  host = true;
  daemon = true;

  get states(): string[] {
    return this.verdicts.map(({ state }) => state);
  }

  run(ms: number): void {
    const until = this.now + ms;
    while (this.now < until) this.tick(this.liveness.tickEvery);
  }

  /** One tick after `ms`. */
  tick(ms: number): void {
    this.now += ms;
    const { checks, verdicts } = this.liveness.tick(this.now);
    this.verdicts.push(...verdicts.map((verdict) => ({ ...verdict, at: this.now })));
    this.checks.push(...checks.map((check) => ({ ...check, at: this.now })));
    for (const check of checks) {
      if (check.ping && this.host && this.daemon) this.liveness.answered(check.nodeId, check.number, 'ping');
      if (check.probe && this.host) this.liveness.answered(check.nodeId, check.number, 'probe');
    }
  }
}

test('a session that answers is pinged every fifth of the period, and never probed', () => {
  const world = new World();
  world.liveness.opened('n');
  world.run(60_000);
  assert.deepEqual(world.verdicts, []);
  assert.equal(world.checks.length, 60);
  assert.ok(world.checks.every(({ ping, probe }) => ping && !probe));
});

test('a host is down within four fifths of the period of its loss, whenever it is lost', () => {
  for (let lostAt = 7000; lostAt < 8000; lostAt += 100) {
    const world = new World();
    world.liveness.opened('n');
    world.run(lostAt);
    world.host = false;
    world.run(6000);
    assert.deepEqual(
      world.verdicts.map(({ state, message }) => [state, message]),
      [['down', 'heartbeat failure']],
    );
    const after = world.verdicts[0]!.at - lostAt;
    assert.ok(after <= 4000, `down after ${after} ms`);
    assert.ok(after >= 2500, `down after ${after} ms already`);
    assert.equal(world.checks.filter(({ at }) => at > lostAt).length, 4);
  }
});

test('a host that is lost just after its session has ended is down as quickly', () => {
  const world = new World();
  world.liveness.opened('n');
  world.run(7300);
  world.host = false;
  world.liveness.closed('n');
  world.run(4000);
  assert.equal(world.verdicts[0]?.state, 'down');
});

test('three missed checks are forgiven', () => {
  const world = new World();
  world.liveness.opened('n');
  for (let i = 0; i < 10; i++) {
    world.run(5000);
    world.host = false;
    world.run(2000);
    world.host = true;
  }
  assert.deepEqual(world.verdicts, []);
});

test('a host that answers while its daemon is gone is unknown first, and down after twelve periods', () => {
  const world = new World();
  world.liveness.opened('n');
  world.run(5000);
  world.daemon = false;
  world.liveness.closed('n');
  world.run(70_000);
  assert.deepEqual(
    world.verdicts.map(({ state }) => state),
    ['unknown', 'down'],
  );
  const [unknown, down] = world.verdicts.map(({ at }) => at - 5000);
  assert.ok(unknown! >= 500 && unknown! <= 1000, `unknown after ${unknown} ms`);
  assert.ok(down! >= 59_000 && down! <= 61_000, `down after ${down} ms`);
});

test('a daemon that hangs with its connection open is unknown, not down', () => {
  const world = new World();
  world.liveness.opened('n');
  world.run(5000);
  world.daemon = false;
  world.run(20_000);
  assert.deepEqual(
    world.verdicts.map(({ state }) => state),
    ['unknown'],
  );
  world.host = false;
  world.run(4000);
  assert.deepEqual(
    world.verdicts.map(({ state }) => state),
    ['unknown', 'down'],
  );
});

test('a host whose engine does not answer is down after twelve periods, unless it answers again', () => {
  const world = new World();
  world.liveness.opened('n');
  world.liveness.engine('n', false);
  world.run(50_000);
  world.liveness.engine('n', true);
  world.run(50_000);
  assert.equal(world.verdicts.length, 0);
  world.liveness.engine('n', false);
  world.run(70_000);
  assert.deepEqual(
    world.verdicts.map(({ state, message }) => [state, message]),
    [['down', 'heartbeat failure: the host answers, its engine does not']],
  );
  const after = world.verdicts[0]!.at - 100_000;
  assert.ok(after >= 59_000 && after <= 61_000, `down after ${after} ms`);
});

test('a daemon that is back in time has not been missed', () => {
  const world = new World();
  world.liveness.opened('n');
  world.run(5000);
  world.liveness.closed('n');
  world.run(500);
  world.liveness.opened('n');
  world.run(10_000);
  assert.deepEqual(world.verdicts, []);
});

test('a node that is expected and not probed has six periods to come back', () => {
  const world = new World();
  world.host = false;
  world.liveness.expect('n', false);
  world.run(30_000);
  const early = world.verdicts.length;
  world.run(3200);
  assert.deepEqual([early, world.verdicts[0]?.state], [0, 'down']);
});

test('a new leader takes a host for lost after four probes without an answer, and no sooner', () => {
  const world = new World();
  world.host = false;
  world.liveness.expect('n', true);
  world.run(10_000);
  assert.deepEqual(
    world.verdicts.map(({ state }) => state),
    ['down'],
  );
  const { at } = world.verdicts[0]!;
  assert.ok(at >= 2500 && at <= 4000, `down after ${at} ms`);
  assert.equal(world.checks.length, 4);
});

test('a host that answers a new leader keeps its six periods, however often it misses three probes', () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 2000 }), fc.integer({ min: 1000, max: 3000 })));
  fc.assert(
    fc.property(steps, fc.boolean(), (gaps, comes) => {
      const world = new World();
      world.daemon = false;
      world.liveness.expect('n', true);
      for (const [away, back] of gaps) {
        if (world.now + away + back > 29_000) break;
        world.host = false;
        world.run(away);
        world.host = true;
        world.run(back);
      }
      assert.deepEqual(world.states, []);
      if (comes) {
        world.daemon = true;
        world.liveness.opened('n');
      }
      world.run(40_000);
      assert.deepEqual(world.states, comes ? [] : ['unknown']);
    }),
  );
});

test("the manager's own pauses are not counted, whatever they are", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 30_000 }), { maxLength: 200 }), (steps) => {
      const world = new World();
      world.liveness.opened('n');
      for (const ms of steps) world.tick(ms);
      assert.deepEqual(world.verdicts, []);
    }),
  );
});

test('answers that come only after each of many long pauses still count', () => {
  const liveness = new Liveness(0, PERIOD);
  liveness.opened('n');
  let waiting: Check[] = [];
  for (let now = 0; now < 600_000; now += 3000) {
    // All input is processed after the pause and before the tick is judged.
    for (const { number } of waiting) liveness.answered('n', number, 'ping');
    const { checks, verdicts } = liveness.tick(now);
    waiting = checks;
    assert.deepEqual(verdicts, []);
  }
});

test('a lost host is found lost although the manager pauses now and then', () => {
  const world = new World();
  world.liveness.opened('n');
  world.run(5000);
  world.host = false;
  for (let i = 0; i < 5; i++) {
    world.tick(10_000);
    world.run(1000);
  }
  assert.equal(world.verdicts[0]?.state, 'down');
});

test('an answer to an earlier check says nothing about the present one', () => {
  const liveness = new Liveness(0, PERIOD);
  liveness.opened('n');
  const verdicts: Verdict[] = [];
  let last: Check | undefined;
  for (let now = 0; now < 20_000; now += liveness.tickEvery) {
    const round = liveness.tick(now);
    verdicts.push(...round.verdicts);
    for (const check of round.checks) {
      if (last) liveness.answered('n', last.number, 'ping');
      last = check;
    }
  }
  assert.equal(verdicts[0]?.state, 'down');
});

test('a node that is forgotten is not judged', () => {
  const world = new World();
  world.liveness.opened('n');
  world.run(5000);
  world.host = false;
  world.liveness.forget('n');
  world.run(60_000);
  assert.deepEqual(world.verdicts, []);
});
