import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DOUBT_BOUND, STOP_BOUND, StopGate } from './stop-gate.ts';

test('a stop waits for every host to have gone so far', () => {
  const gate = new StopGate();
  assert.equal(gate.hold('t', 7, ['a', 'b'], 0), true);
  assert.deepEqual(gate.applied('a', 6), []);
  assert.deepEqual(gate.applied('a', 7), []);
  assert.deepEqual(gate.applied('b', 9), ['t']);
  assert.equal(gate.holds('t'), false);
});

test('nobody to wait for: nothing is held', () => {
  assert.equal(new StopGate().hold('t', 7, [], 0), false);
});

test('hosts that went away are not waited for', () => {
  const gate = new StopGate();
  gate.hold('t', 7, ['a', 'b'], 0);
  gate.applied('a', 7);
  assert.deepEqual(gate.gone('b'), ['t']);
});

test('a host that is at work is waited for as long as it may take, one in doubt not for long', () => {
  const gate = new StopGate();
  gate.hold('t', 7, ['busy'], 0);
  gate.hold('u', 8, ['busy', 'away'], 0);
  gate.hold('v', 9, ['away'], 0);
  gate.doubt('away', 500);
  gate.doubt('away', 1_000);
  assert.equal(gate.next, 500 + DOUBT_BOUND);
  assert.deepEqual(gate.due(500 + DOUBT_BOUND), ['v']);
  assert.deepEqual(gate.applied('busy', 8), ['t', 'u']);

  gate.hold('w', 10, ['away'], 0);
  gate.doubt('away', 0);
  gate.trust('away');
  assert.deepEqual(gate.due(STOP_BOUND - 1), []);
  assert.deepEqual(gate.due(STOP_BOUND), ['w']);
});

test('no stop is lost: each is let go once, when all have answered, left, or the bound has passed', () => {
  const hosts = fc.constantFrom('a', 'b', 'c');
  const step = fc.oneof(
    fc.record({ op: fc.constant('hold' as const), on: fc.uniqueArray(hosts), ahead: fc.nat(3) }),
    fc.record({ op: fc.constant('applied' as const), host: hosts, revision: fc.nat(30) }),
    fc.record({ op: fc.constant('gone' as const), host: hosts }),
    fc.record({ op: fc.constant('doubt' as const), host: hosts }),
    fc.record({ op: fc.constant('trust' as const), host: hosts }),
    fc.record({ op: fc.constant('wait' as const), ms: fc.nat(15_000) }),
  );
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const gate = new StopGate();
      /** Each with the hosts that it waits for, and until when. */
      const open = new Map<string, { until: number; revision: number; on: Map<string, number> }>();
      let now = 0;
      let revision = 0;
      const released = (ids: string[]) => {
        const expected = [...open].filter(([, { on }]) => on.size === 0).map(([id]) => id);
        assert.deepEqual(ids.sort(), expected.sort());
        for (const id of ids) open.delete(id);
      };
      for (const [i, each] of steps.entries()) {
        if (each.op === 'hold') {
          revision += 1 + each.ahead;
          const until = now + STOP_BOUND;
          if (gate.hold(`t${i}`, revision, each.on, now))
            open.set(`t${i}`, { until, revision, on: new Map(each.on.map((host) => [host, until])) });
          else assert.equal(each.on.length, 0);
        } else if (each.op === 'applied') {
          for (const held of open.values()) if (held.revision <= each.revision) held.on.delete(each.host);
          released(gate.applied(each.host, each.revision));
        } else if (each.op === 'gone') {
          for (const held of open.values()) held.on.delete(each.host);
          released(gate.gone(each.host));
        } else if (each.op === 'doubt') {
          gate.doubt(each.host, now);
          for (const { on } of open.values())
            if (on.has(each.host)) on.set(each.host, Math.min(on.get(each.host)!, now + DOUBT_BOUND));
        } else if (each.op === 'trust') {
          gate.trust(each.host);
          for (const { on, until } of open.values()) if (on.has(each.host)) on.set(each.host, until);
        } else {
          now += each.ms;
          for (const { on } of open.values())
            for (const [host, until] of on) if (until <= now) on.delete(host);
          released(gate.due(now));
        }
        const next = [...open.values()].flatMap(({ on }) => [...on.values()]);
        assert.equal(gate.next, next.length > 0 ? Math.min(...next) : undefined);
        for (const id of open.keys()) assert.ok(gate.holds(id));
      }
      assert.equal(gate.due(now + STOP_BOUND).length, open.size);
      assert.equal(gate.next, undefined);
    }),
  );
});
