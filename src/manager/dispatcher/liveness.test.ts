import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Answer, type Check, Liveness, type Verdict } from './liveness.ts';

const PERIOD = 5000;

/** Hosts under a Liveness that is ticked on time. */
class World {
  readonly liveness = new Liveness(0, PERIOD);
  readonly verdicts: Array<Verdict & { at: number }> = [];
  readonly checks: Array<Check & { at: number }> = [];
  now = 0;
  host = true;
  daemon = true;
  /** Something on the way to the host drops what is no part of a session. */
  filtered = false;
  /** The manager cannot send probes. */
  mute = false;
  /** Hosts that are lost, of several. */
  readonly lost = new Set<string>();
  /** How long (ms) each kind of answer is on its way; pings are answered in order, as on one connection. */
  delays = { ping: () => 0, probe: () => 0 };
  #arriving: Array<{ at: number; check: Check; by: Answer }> = [];
  /** Pings that a daemon has not answered yet, and that it answers when it can again. */
  #waiting: Check[] = [];

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
    if (this.host && this.daemon)
      for (const check of this.#waiting.splice(0))
        if (!this.lost.has(check.nodeId)) this.#answer(check, 'ping', this.delays.ping());
    this.#arrive();
    const { checks, verdicts } = this.liveness.tick(this.now);
    this.verdicts.push(...verdicts.map((verdict) => ({ ...verdict, at: this.now })));
    this.checks.push(...checks.map((check) => ({ ...check, at: this.now })));
    for (const check of checks) {
      const host = this.host && !this.lost.has(check.nodeId);
      if (check.ping && host && this.daemon) this.#answer(check, 'ping', this.delays.ping());
      else if (check.ping) this.#waiting.push(check);
      if (check.probe && this.mute) this.#answer(check, 'unsent', 0);
      else if (check.probe && host && !this.filtered) this.#answer(check, 'probe', this.delays.probe());
    }
    this.#arrive();
  }

  #answer(check: Check, by: Answer, delay: number): void {
    this.#arriving.push({ at: this.now + delay, check, by });
  }

  #arrive(): void {
    const due = this.#arriving.filter(({ at }) => at <= this.now);
    this.#arriving = this.#arriving.filter(({ at }) => at > this.now);
    for (const { check, by } of due) this.liveness.answered(check.nodeId, check.number, by);
  }
}

test('a session that answers is pinged every 25th of the period, and probed once in twelve periods', () => {
  const world = new World();
  world.liveness.opened('n');
  world.run(120_000);
  assert.deepEqual(world.verdicts, []);
  assert.equal(world.checks.length, 600);
  assert.ok(world.checks.every(({ ping }) => ping));
  assert.equal(world.checks.filter(({ probe }) => probe).length, 2);
});

test('many hosts are pinged more rarely, but the silent ones are not', () => {
  const world = new World();
  for (let i = 0; i < 1500; i++) world.liveness.opened(`n${i}`);
  world.run(5000);
  const before = world.checks.length;
  world.run(6000);
  assert.ok(Math.abs((world.checks.length - before) / 6 - 2000) <= 100);
  world.lost.add('n7');
  const lostAt = world.now;
  world.run(4000);
  assert.deepEqual(world.states, ['down']);
  const after = world.verdicts[0]!.at - lostAt;
  assert.ok(after <= 2000 + 750, `down after ${after} ms`);
});

test('of many thousands each is pinged often enough not to doubt its manager, and is down within two thirds of the period', () => {
  const world = new World();
  for (let i = 0; i < 5000; i++) world.liveness.opened(`n${i}`);
  world.run(8000);
  const before = world.checks.length;
  world.run(8000);
  assert.equal(world.checks.length - before, 5 * 5000);
  world.lost.add('n7');
  const lostAt = world.now;
  world.run(4000);
  assert.deepEqual(world.states, ['down']);
  const after = world.verdicts[0]!.at - lostAt;
  assert.ok(after <= 1700 + 1650, `down after ${after} ms`);
});

test('a host that is cut off for three tenths of the period while its daemon is held up keeps its place', () => {
  for (let at = 1000; at < 1200; at += 50)
    for (let held = 0; held <= 1000; held += 50) {
      const world = new World();
      world.liveness.opened('n');
      world.run(at);
      world.daemon = false;
      world.run(held);
      world.host = false;
      world.run(1500);
      world.host = true;
      world.daemon = true;
      world.run(1000);
      assert.deepEqual(world.verdicts, [], `cut off ${held} ms after its daemon was held up`);
    }
});

test('a daemon that reports is alive, however late its answers are: it is never judged', () => {
  const world = new World();
  world.liveness.opened('n');
  world.daemon = false;
  world.filtered = true;
  for (let at = 0; at < 400; at++) {
    world.run(250);
    world.liveness.heard('n');
  }
  assert.deepEqual(world.verdicts, []);
});

test('a host is not asked while its daemon reports, and as often as before when it has ended', () => {
  const world = new World();
  world.liveness.opened('n');
  world.run(1000);
  const before = world.checks.length;
  for (let at = 0; at < 40; at++) {
    world.liveness.heard('n');
    world.run(150);
  }
  assert.equal(world.checks.length, before);
  world.run(2000);
  assert.equal(world.checks.length, before + 10);
});

test('what a daemon has reported last does not make the loss of its host seen later', () => {
  for (let lostAt = 7000; lostAt < 8000; lostAt += 50) {
    const world = new World();
    world.liveness.opened('n');
    world.run(lostAt);
    world.host = false;
    world.liveness.heard('n');
    world.run(6000);
    assert.deepEqual(world.states, ['down']);
    const after = world.verdicts[0]!.at - lostAt;
    assert.ok(after <= 2000, `down after ${after} ms`);
  }
});

test('thousands that are late at the same time are not all asked again and again, and none is lost', () => {
  const world = new World();
  for (let i = 0; i < 5000; i++) world.liveness.opened(`n${i}`);
  world.delays.ping = () => 1500;
  world.run(5000);
  const before = world.checks.length;
  world.run(6000);
  const perSecond = (world.checks.length - before) / 6;
  // Two before it is seen that all are late, and one then; 25,000 a second if each was asked in each interval.
  assert.ok(perSecond <= 10_000, `${perSecond} checks a second`);
  assert.deepEqual(world.verdicts, []);
});

test('a host is down within two fifths of the period of its loss, whenever it is lost', () => {
  for (let lostAt = 7000; lostAt < 8000; lostAt += 50) {
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
    assert.ok(after <= 1900, `down after ${after} ms`);
    assert.ok(after >= 1650, `down after ${after} ms already`);
    assert.equal(world.checks.filter(({ at }) => at > lostAt).length, 9);
  }
});

test('a host that is cut off for three tenths of the period keeps its place, however often and wherever', () => {
  const cuts = fc.array(fc.tuple(fc.integer({ min: 0, max: 1500 }), fc.integer({ min: 300, max: 3000 })));
  const delays = fc.record({
    ping: fc.integer({ min: 0, max: 600 }),
    probe: fc.integer({ min: 0, max: 150 }),
  });
  fc.assert(
    fc.property(cuts, delays, (steps, { ping, probe }) => {
      const world = new World();
      world.delays = { ping: () => ping, probe: () => probe };
      world.liveness.opened('n');
      world.run(2000);
      for (const [away, back] of steps) {
        world.host = false;
        world.run(away);
        world.host = true;
        world.run(back);
      }
      assert.deepEqual(world.verdicts, []);
    }),
  );
});

test('a daemon that gets no processor for half a period at a time is neither lost nor unknown', () => {
  const stalls = fc.array(fc.tuple(fc.integer({ min: 0, max: 2500 }), fc.integer({ min: 50, max: 1000 })));
  fc.assert(
    fc.property(stalls, fc.infiniteStream(fc.integer({ min: 0, max: 400 })), (steps, late) => {
      const world = new World();
      world.delays.probe = () => late.next().value ?? 0;
      world.liveness.opened('n');
      world.run(1000);
      for (const [stalled, runs] of steps) {
        world.daemon = false;
        world.run(stalled);
        world.daemon = true;
        world.run(runs);
      }
      assert.deepEqual(world.verdicts, []);
    }),
  );
});

test('a host that answers no probes has longer, and is found lost all the same', () => {
  const world = new World();
  world.filtered = true;
  world.liveness.opened('n');
  world.run(5000);
  for (let i = 0; i < 10; i++) {
    world.daemon = false;
    world.run(2500);
    world.daemon = true;
    world.run(1000);
  }
  assert.equal(world.verdicts.length, 0);
  world.host = false;
  const lostAt = world.now;
  world.run(4000);
  assert.deepEqual(world.states, ['down']);
  assert.ok(world.verdicts[0]!.at - lostAt <= 3000);
});

test('a host that answers probes no more is noticed while its daemon is well', () => {
  const world = new World();
  world.liveness.opened('n');
  world.run(5000);
  world.filtered = true;
  world.run(121_000);
  world.daemon = false;
  world.run(2500);
  world.daemon = true;
  world.run(1000);
  assert.deepEqual(world.verdicts, []);
});

test('when most hosts are silent at the same time, the manager first doubts itself', () => {
  const lossOf = (lost: number, all: number): number => {
    const world = new World();
    for (let i = 0; i < all; i++) world.liveness.opened(`n${i}`);
    world.run(10_000);
    for (let i = 0; i < lost; i++) world.lost.add(`n${i}`);
    world.run(6000);
    assert.equal(world.verdicts.length, lost);
    return world.verdicts[0]!.at - 10_000;
  };
  for (const [lost, all] of [
    [1, 1],
    [1, 2],
    [2, 4],
    [4, 9],
  ] as const)
    assert.ok(lossOf(lost, all) <= 2000, `${lost} of ${all}`);
  for (const [lost, all] of [
    [2, 3],
    [5, 9],
    [9, 9],
  ] as const)
    assert.ok(lossOf(lost, all) >= 2500 && lossOf(lost, all) <= 3000, `${lost} of ${all}`);
});

test('a manager that cannot ask takes nobody for lost, and says after a while what it does not know', () => {
  const world = new World();
  world.liveness.opened('n');
  world.run(5000);
  world.host = false;
  world.mute = true;
  world.run(59_000);
  assert.deepEqual(
    world.verdicts.map(({ state, message }) => [state, message]),
    [['unknown', 'its daemon does not answer, and this manager cannot reach the network']],
  );
  world.run(3000);
  assert.deepEqual(world.states, ['unknown', 'down']);
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
  world.liveness.expect('n', { probed: false, answersProbes: false });
  world.run(30_000);
  const early = world.verdicts.length;
  world.run(3200);
  assert.deepEqual([early, world.verdicts[0]?.state], [0, 'down']);
});

test('a new leader takes a host for lost that answers no probe, and another manager sooner', () => {
  for (const answersProbes of [false, true]) {
    const world = new World();
    world.host = false;
    world.liveness.expect('n', { probed: true, answersProbes });
    world.run(10_000);
    assert.deepEqual(world.states, ['down']);
    assert.equal(world.verdicts[0]!.at, 500 + 200 * (answersProbes ? 8.5 : 13.5));
  }
});

test('a host that answers a new leader keeps its six periods, however often it is silent for three tenths of one', () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 1500 }), fc.integer({ min: 1000, max: 3000 })));
  fc.assert(
    fc.property(steps, fc.boolean(), (gaps, comes) => {
      const world = new World();
      world.daemon = false;
      world.liveness.expect('n', { probed: true, answersProbes: false });
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

test('an answer that comes after the next check has begun is a sign of life, and one of before the session is not', () => {
  const world = new World();
  world.delays = { ping: () => 900, probe: () => 900 };
  world.liveness.opened('n');
  world.run(60_000);
  assert.equal(world.verdicts.length, 0);
  const stale = world.checks.at(-1)!.number;
  world.host = false;
  world.liveness.opened('n');
  const lostAt = world.now;
  for (let i = 0; i < 60; i++) {
    world.run(50);
    world.liveness.answered('n', stale, 'probe');
  }
  assert.deepEqual(world.states, ['down']);
  assert.ok(world.verdicts[0]!.at - lostAt <= 3000);
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
