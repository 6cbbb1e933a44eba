import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { planRegistrySession } from '../../control/registry-sessions.ts';
import { ApiError } from '../../model/errors.ts';
import type { Store } from '../../store/contract.ts';
import { openMemoryStore } from '../../store/memory.ts';
import { type Command, decide, keyId } from './command.ts';

const newId = (): string => 'x';

class Kv {
  readonly store: Store = openMemoryStore();
  now = 1_000_000;

  async do(command: Command): Promise<boolean> {
    const { result } = await this.store.commit((view) => decide(command, view, { now: this.now }));
    return result.done;
  }
  key(key: string) {
    return this.store.view.get('registryKey', keyId(key));
  }
  session(session: string, given: Partial<Command> = {}): Promise<boolean> {
    return this.do({ op: 'create-session', session, ttl: 10_000, lockDelay: 0, ...given });
  }
  /** What the leader's controllers would do now. */
  async expire(): Promise<void> {
    for (const { ID } of [...this.store.view.all('registrySession')])
      await this.store.commit((view) => planRegistrySession(view, ID, { now: this.now, newId, limit: 100 }));
  }
}

const refuses = (work: Promise<unknown>, status: number, message: RegExp): Promise<void> =>
  assert.rejects(work, (error: ApiError) => {
    assert.ok(error instanceof ApiError);
    assert.equal(error.status, status);
    assert.match(error.message, message);
    return true;
  });

describe('keys and sessions', () => {
  test('compare and set', async () => {
    const kv = new Kv();
    assert.equal(await kv.do({ op: 'put', key: 'a', value: 'MQ==', cas: 5 }), false);
    assert.equal(kv.key('a'), undefined);
    assert.equal(await kv.do({ op: 'put', key: 'a', value: 'MQ==', cas: 0 }), true);
    assert.equal(await kv.do({ op: 'put', key: 'a', value: 'Mg==', cas: 0 }), false);
    const index = kv.key('a')!.Version.Index;
    assert.equal(await kv.do({ op: 'put', key: 'a', value: 'Mg==', cas: index }), true);
    assert.equal(kv.key('a')!.created, index);
    assert.equal(await kv.do({ op: 'delete', key: 'a', cas: index }), false);
    assert.equal(await kv.do({ op: 'delete', key: 'a', cas: kv.key('a')!.Version.Index }), true);
    assert.equal(kv.key('a'), undefined);
  });

  test('a lock is one session’s, until it lets go of it', async () => {
    const kv = new Kv();
    await refuses(kv.do({ op: 'put', key: 'l', acquire: 'none' }), 500, /invalid session "none"/);
    for (const id of ['s1', 's2']) await kv.session(id);
    assert.equal(await kv.do({ op: 'put', key: 'l', value: 'MQ==', acquire: 's1' }), true);
    assert.equal(await kv.do({ op: 'put', key: 'l', value: 'MQ==', acquire: 's1' }), true);
    assert.equal(kv.key('l')!.lockIndex, 1);
    assert.equal(await kv.do({ op: 'put', key: 'l', value: 'Mg==', acquire: 's2' }), false);
    assert.equal(await kv.do({ op: 'put', key: 'l', release: 's2' }), false);
    assert.equal(await kv.do({ op: 'put', key: 'l', value: 'Mw==', release: 's1' }), true);
    assert.equal(kv.key('l')!.session, undefined);
    assert.equal(await kv.do({ op: 'put', key: 'l', acquire: 's2' }), true);
    assert.equal(kv.key('l')!.lockIndex, 2);
  });

  test('a session that nobody renews ends, with its keys or without; its locks cannot be taken for a while', async () => {
    const kv = new Kv();
    await kv.session('s1', { behavior: 'delete' });
    await kv.session('s2', { lockDelay: 5_000 });
    await kv.do({ op: 'put', key: 'a', acquire: 's1' });
    await kv.do({ op: 'put', key: 'b', value: 'MQ==', acquire: 's2' });
    kv.now += 15_000;
    assert.equal(await kv.do({ op: 'renew-session', session: 's1' }), true);
    kv.now += 10_000;
    await kv.expire();
    assert.ok(kv.store.view.get('registrySession', 's1'));
    assert.equal(kv.store.view.get('registrySession', 's2'), undefined);
    assert.equal(kv.key('b')!.session, undefined);
    assert.equal(kv.key('b')!.value, 'MQ==');
    assert.equal(await kv.do({ op: 'put', key: 'b', acquire: 's1' }), false);
    kv.now += 5_000;
    assert.equal(await kv.do({ op: 'put', key: 'b', acquire: 's1' }), true);
    kv.now += 30_000;
    await kv.expire();
    assert.deepEqual([kv.key('a'), kv.key('b')], [undefined, undefined]);
    assert.equal(await kv.do({ op: 'renew-session', session: 's1' }), false);
  });

  test('one that has no time to live lasts until it is destroyed', async () => {
    const kv = new Kv();
    await kv.session('s1', { ttl: undefined });
    kv.now += 1e9;
    await kv.expire();
    assert.equal(await kv.do({ op: 'put', key: 'a', acquire: 's1' }), true);
    assert.equal(await kv.do({ op: 'destroy-session', session: 's1' }), true);
    assert.equal(kv.key('a')!.session, undefined);
    assert.equal(await kv.do({ op: 'destroy-session', session: 's1' }), true);
  });

  test('what cannot be done is said', async () => {
    const kv = new Kv();
    await refuses(kv.do({ op: 'put', key: '' }), 400, /Missing key name/);
    await refuses(kv.do({ op: 'put', key: 'k'.repeat(513) }), 400, /at most 512 bytes/);
    await refuses(kv.do({ op: 'nosuch' }), 400, /nosuch/);
    await refuses(kv.session('s', { ttl: 5_000 }), 400, /Invalid Session TTL '5s'/);
    await refuses(kv.session('s', { behavior: 'stay' }), 400, /Invalid Behavior: stay/);
    await refuses(kv.session('s', { lockDelay: 61_000 }), 400, /Invalid LockDelay/);
  });

  test('whatever is asked: a key has a session that there is, or none; locks only change hands through nobody', async () => {
    const key = fc.constantFrom('a', 'b/c', 'b/d');
    const session = fc.constantFrom('s1', 's2');
    const command: fc.Arbitrary<Command | 'time'> = fc.oneof(
      fc.record({ op: fc.constant('put'), key, acquire: session }),
      fc.record({ op: fc.constant('put'), key, release: session }),
      fc.record({ op: fc.constant('put'), key }),
      fc.record({ op: fc.constant('delete'), key: fc.constantFrom('a', 'b/', ''), recurse: fc.boolean() }),
      fc.record({ op: fc.constant('create-session'), session, ttl: fc.constantFrom(10_000, undefined) }),
      fc.record({ op: fc.constantFrom('renew-session', 'destroy-session'), session }),
      fc.constant('time' as const),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 30 }), async (commands) => {
        const kv = new Kv();
        for (const each of commands) {
          const before = new Map([...kv.store.view.all('registryKey')].map((k) => [k.key, k.session]));
          if (each === 'time') {
            kv.now += 12_000;
            await kv.expire();
          } else await kv.do(each).catch((error: unknown) => assert.ok(error instanceof ApiError));
          for (const { key, session } of kv.store.view.all('registryKey')) {
            if (session === undefined) continue;
            assert.ok(kv.store.view.get('registrySession', session), 'a lock without its session');
            assert.ok([undefined, session].includes(before.get(key)), 'taken from somebody who has it');
          }
        }
      }),
    );
  });
});
