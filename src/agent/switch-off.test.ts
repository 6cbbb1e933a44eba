import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import type { ManagerSession } from './contract.ts';
import { leaveInOrder } from './switch-off.ts';

/** A host without tasks. */
function host() {
  const clock = new VirtualClock();
  const lines: string[] = [];
  const told: number[] = [];
  let session: ManagerSession | undefined;
  let came = new AbortController();
  const begun = clock.now();
  const leave = () =>
    leaveInOrder({
      engine: { stop: () => assert.fail('there is no task') },
      clock,
      log: (line) => lines.push(line),
      session: () => session,
      sessionCame: () => came.signal,
      workers: () => [],
      told: () => told.push(clock.now() - begun),
    });
  const open = (away: () => Promise<void>) => {
    session = { away } as ManagerSession;
    came.abort();
    came = new AbortController();
  };
  return { clock, lines, told, leave, open };
}

test('a manager that is lost while it is told is followed by the next one', async () => {
  const { clock, lines, told, leave, open } = host();
  const lost = Promise.withResolvers<void>();
  open(() => lost.promise);
  const left = leave();
  await clock.advance(1000);
  lost.reject(new Error('the session is over'));
  await clock.advance(500);
  assert.deepEqual(told, []);
  open(async () => {});
  await clock.advance(10);
  await left;
  assert.deepEqual([told, lines], [[1500], []]);
});

test('a host that no manager can be told of leaves after three seconds', async () => {
  const { clock, lines, told, leave } = host();
  const left = leave();
  await clock.advance(3000);
  await left;
  assert.deepEqual(told, [3000]);
  assert.match(lines.join(), /no manager took note .*no session/);
});
