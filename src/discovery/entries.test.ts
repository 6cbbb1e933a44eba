import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { addresses, entriesOf, expandRange } from './entries.ts';

describe('entries', () => {
  for (const [text, expected] of [
    ['10.0.0.[11:13]:2375', ['10.0.0.11:2375', '10.0.0.12:2375', '10.0.0.13:2375']],
    ['host[9:11]:2375', ['host9:2375', 'host10:2375', 'host11:2375']],
    ['host[3:3]:1', ['host3:1']],
    ['10.0.0.1:2375', ['10.0.0.1:2375']],
    ['[::1]:2375', ['[::1]:2375']],
    ['host[3:1]:2375', ['host[3:1]:2375']],
  ] as const) {
    test(`${text} is ${expected.length}`, () => assert.deepEqual(expandRange(text), expected));
  }

  test('are taken once each', () => {
    assert.deepEqual(addresses(['a:1', 'b:1', '', 'a:1']), ['a:1', 'b:1']);
  });

  test('need a port', () => {
    assert.throws(() => addresses(['10.0.0.1']), /address 10\.0\.0\.1: missing port in address/);
    assert.throws(() => addresses(['::1:2375']), /too many colons in address/);
  });

  test('of a file may have comments, behind them too', () => {
    assert.deepEqual(entriesOf('# all\n a:1 # first\n\nb:1\r\n'), ['a:1', 'b:1']);
  });
});
