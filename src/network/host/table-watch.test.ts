import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../../model/clock.ts';
import { TableWatch } from './table-watch.ts';

const says = (text: string, then = ''): string[] => ['sh', '-c', `printf '${text}'; ${then}`];

/** A clock on which a time that somebody waits for is over when the test says so. */
function handClock(): { clock: Clock; over(): Promise<void> } {
  let asked = Promise.withResolvers<() => void>();
  return {
    clock: {
      now: () => 0,
      timer(_ms, fn) {
        asked.resolve(fn);
        return () => {};
      },
    },
    async over() {
      const fn = await asked.promise;
      asked = Promise.withResolvers();
      fn();
    },
  };
}

test("tells of the host's own table, not of others, and what listens is started again when it has ended", async () => {
  const { clock, over } = handClock();
  let told = 0;
  const watch = new TableWatch({
    deleted: () => told++,
    clock,
    listen: says('delete table ip nat\\ndelete table inet essaim\\ndelete table inet essaim2\\n'),
  });
  for (let times = 1; times <= 3; times++) {
    await over();
    assert.equal(told, times);
  }
  watch.close();
});

test('a program that is not there is tried again later', async () => {
  const { clock, over } = handClock();
  const watch = new TableWatch({ deleted: () => {}, clock, listen: ['/nonexistent/nft'] });
  await over();
  await over();
  watch.close();
});

test('what listens ends with the watch', async () => {
  const heard = Promise.withResolvers<void>();
  const watch = new TableWatch({
    deleted: () => heard.resolve(),
    clock: handClock().clock,
    // The test would not end before it does.
    listen: says('delete table inet essaim\\n', 'exec sleep 1000'),
  });
  await heard.promise;
  watch.close();
});
