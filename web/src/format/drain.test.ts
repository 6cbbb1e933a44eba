import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drainLines } from './drain.ts';

const row = (name: string, changes: object = {}) => ({
  ...{ task: name, name, service: 's', fits: ['b'], why: [], volumes: [] },
  ...changes,
});

test('what moves, what cannot, what stays behind, who is left without', () => {
  const plan = {
    tasks: [
      row('web.1'),
      row('db.1', { volumes: ['data'] }),
      row('big.1', { fits: [], why: ['b: memory: needs 2 GiB, 1 GiB free'] }),
      row('agent.x', { fits: [], isGlobal: true }),
    ],
    emptied: ['big'],
  };
  assert.deepEqual(
    drainLines(plan).map(({ text, isBad }) => `${isBad ? '!' : ' '} ${text}`),
    [
      '  web.1 moves: it fits on b',
      '  db.1 moves: it fits on b',
      '! big.1 fits nowhere: b: memory: needs 2 GiB, 1 GiB free',
      '! db.1 begins with an empty volume elsewhere: data stays',
      '! No task of big would run any more',
      '  1 task of global services stop',
    ],
  );
});

test('many are counted; nothing is said of nothing', () => {
  const many = Array.from({ length: 20 }, (_, index) => row(`web.${index}`));
  assert.equal(drainLines({ tasks: many, emptied: [] }).at(-1)?.text, 'and 12 tasks more');
  assert.equal(drainLines({ tasks: [], emptied: [] })[0]?.text, 'No task runs on it.');
});
