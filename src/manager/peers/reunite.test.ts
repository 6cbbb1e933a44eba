import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../model/clock.ts';
import { reunite } from './reunite.ts';
import { eventually, type MemberHost, MemberHosts } from './testing/hosts.ts';

describe('a member that has lost the others', () => {
  let hosts: MemberHosts;
  let one: MemberHost;
  let two: MemberHost;
  before(async () => {
    hosts = await MemberHosts.create();
    one = await hosts.found();
    two = await hosts.grow(one);
  });
  after(() => hosts.close());

  test('is started anew when they can be reached and it knows of no leader, and not before', async () => {
    const ending = new AbortController();
    const warnings: string[] = [];
    const running = reunite({
      member: one.member,
      clock: systemClock,
      signal: ending.signal,
      log: { warn: (_, message) => warnings.push(message) },
    });
    const first = await one.pid();

    // Nobody accepts a connection there.
    await two.member.stop();
    await eventually(async () => assert.equal((await one.member.client.status()).leader, ''));
    await delay(5000);
    assert.equal(await one.pid(), first);

    await two.start({ mode: 'again' });
    await two.member.ready();
    assert.equal(await one.pid(), first);

    // Connections are accepted there, and nothing comes of them: as if this one had not noticed that they are back.
    await two.signal('SIGSTOP');
    await eventually(async () => assert.notEqual((await one.pid()) ?? first, first));
    assert.equal(warnings.length, 1);
    await two.signal('SIGCONT');
    await eventually(async () => assert.notEqual((await one.member.client.status()).leader, ''));
    assert.deepEqual(one.ends, []);
    ending.abort();
    await running;
  });
});
