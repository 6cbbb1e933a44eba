import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { openMemoryStore } from '../store/memory.ts';
import { PresentOffice } from './office.ts';
import { Terms } from './terms.ts';

function office(leader: string | undefined) {
  return { leader: () => leader, isCurrent: () => true, watch: () => () => undefined };
}

function setUp() {
  const held = new PresentOffice(office(undefined));
  const said: string[] = [];
  const store = openMemoryStore();
  const caughtUp = Promise.withResolvers<void>();
  let terms = 0;
  const started = new Terms({
    ...{ office: held, nodeId: 'me', clock: new VirtualClock() },
    store: {
      ...{ view: store.view, watch: store.watch.bind(store), close: () => store.close() },
      async commit(proposal) {
        said.push('catches up');
        await caughtUp.promise;
        return store.commit(proposal);
      },
    },
    onError: (error) => said.push(String(error)),
    async begin() {
      const number = ++terms;
      said.push(`begins ${number}`);
      return { number, close: async () => void said.push(`ends ${number}`) };
    },
  });
  const present = (): number | undefined => started.current?.number;
  return { held, said, terms: started, present, caughtUp };
}

test('duties are taken up when all is seen that was written before', async () => {
  const { held, said, terms, present, caughtUp } = setUp();
  held.move(office('me'));
  await new Promise(setImmediate);
  assert.deepEqual(said, ['catches up']);
  assert.equal(present(), undefined);
  caughtUp.resolve();
  await terms.settled();
  assert.equal(present(), 1);
});

test('duties do not go on from one term of office to the next', async () => {
  const { held, said, terms, present, caughtUp } = setUp();
  caughtUp.resolve();
  held.move(office('me'));
  await terms.settled();
  held.move(office('other'));
  held.move(office('me'));
  assert.equal(present(), undefined, 'those of the last term are not those of this one');
  await terms.settled();
  assert.equal(present(), 2);
  assert.deepEqual(said, ['catches up', 'begins 1', 'ends 1', 'catches up', 'begins 2']);
  await terms.close();
  assert.equal(said.at(-1), 'ends 2');
});
