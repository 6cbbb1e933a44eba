import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { describeHost } from '../../test/support/cluster-port.ts';
import { type FakeManager, FakeManagers } from '../../test/support/fake-managers.ts';
import type { NodeIdentity } from '../identity/node-identity.ts';
import type { ApiError } from '../model/errors.ts';
import type { ManagerAddress } from '../model/protocol.ts';
import type { ManagerSession } from './contract.ts';
import { joinCluster } from './join.ts';
import { callLeader } from './leader.ts';
import { leaveCluster } from './leave.ts';
import { createManagerLink } from './link.ts';

const patience = () => AbortSignal.timeout(30_000);
const request = { description: describeHost('w') };

describe('several managers', { timeout: 120_000 }, () => {
  let managers: FakeManagers;
  let worker: NodeIdentity;
  let [a, b, c]: FakeManager[] = [];
  let learned: ManagerAddress[][] = [];

  // A manager that was cut off stays so: each test has its own.
  beforeEach(async () => {
    managers = await FakeManagers.start(3);
    worker = await managers.node('worker');
    [a, b, c] = managers.all;
    learned = [];
  });
  afterEach(() => managers.close());

  const addresses = () => managers.all.map(({ address }) => address);
  const link = (known: () => string[] = addresses) =>
    createManagerLink({
      identity: worker,
      managers: known,
      learned: (some) => learned.push(some),
      isEarlier: () => false,
      connectEngine: () => Promise.reject(new Error('no engine in this test')),
      checkNetworks: () => Promise.reject(new Error('not here')),
      renew: () => assert.fail('no renewal was expected'),
      onError: (error) => assert.fail(error as Error),
    });
  const took = async (work: () => Promise<unknown>): Promise<number> => {
    const begun = performance.now();
    await work();
    return performance.now() - begun;
  };
  /** Resolves with what the session ended with. */
  async function ended(session: ManagerSession): Promise<unknown> {
    try {
      for await (const _ of session.messages);
      return undefined;
    } catch (error) {
      return error;
    }
  }

  test('a session is opened with the one that leads, whichever is asked first', async () => {
    managers.leader = c;
    const session = await link(() => [a!.address]).open(request, patience());
    assert.equal(c!.sessions.length, 1);
    assert.deepEqual(learned, [managers.list]);
    assert.deepEqual(b!.calls, []);
    session.close();
  });

  test('managers that do not answer hold up nobody', async () => {
    managers.leader = c;
    a!.cutOff();
    b!.cutOff();
    const agent = link();
    const first = await took(async () => (await agent.open(request, patience())).close());
    assert.ok(first > 500 && first < 2500, `${first} ms`);
    // The last one that led is asked first.
    const second = await took(async () => (await agent.open(request, patience())).close());
    assert.ok(second < 500, `${second} ms`);
  });

  test('an election is waited for, and its end noticed at once, however many are asked how often', async () => {
    a!.cutOff();
    let elected = 0;
    setTimeout(() => {
      managers.leader = c;
      elected = performance.now();
    }, 1500);
    const session = await link().open(request, patience());
    const after = performance.now() - elected;
    assert.ok(after < 600, `found after ${after} ms`);
    const asked = b!.calls.length + c!.calls.length;
    assert.ok(asked >= 8 && asked < 45, `asked ${asked} times in 1.5 s`);
    session.close();
  });

  test('managers that each say that the other one leads are not asked on and on', async () => {
    const says = (leader: FakeManager) => () => ({
      status: 421,
      body: { message: 'not me', leader: leader.address, managers: managers.list },
    });
    a!.answer = says(b!);
    b!.answer = says(a!);
    c!.answer = () => ({ status: 503, body: { message: 'nobody', managers: managers.list } });
    const error = await link()
      .open(request, patience())
      .then(
        () => assert.fail(),
        (reason: Error) => reason,
      );
    for (const [{ address }, word] of [
      [a!, 'not me'],
      [c!, 'nobody'],
    ] as const)
      assert.ok(error.message.includes(`${address}: ${word}`), error.message);
    const asked = a!.calls.length + b!.calls.length;
    assert.ok(asked < 120, `asked ${asked} times in 5 s`);
  });

  test('a join goes through any manager, and is refused by the one that leads', async () => {
    managers.leader = c;
    const before = managers.issued.length;
    const join = { remote: a!.address, token: managers.token, signal: patience() };
    const joined = await joinCluster(join);
    assert.deepEqual(joined.managers[0], managers.list[2]);
    assert.equal(joined.managers.length, 3);
    assert.deepEqual(managers.issued.slice(before), [joined.nodeId]);
    // The leader itself tells of the others: it may be lost the next moment.
    const direct = await joinCluster({ ...join, remote: c!.address });
    assert.equal(direct.managers.length, 3);
    const body = { message: 'A valid join token is necessary to join this cluster' };
    c!.answer = (path) => (path === '/ca/issue' ? { status: 400, body } : undefined);
    await assert.rejects(
      joinCluster(join),
      (error: ApiError) => error.status === 400 && error.message === body.message,
    );
  });

  test('a node takes its leave of the one that leads, also while there is none for a moment', async () => {
    setTimeout(() => {
      managers.leader = b;
    }, 500);
    await leaveCluster(worker, [a!.address], patience());
    assert.equal(b!.calls.at(-1), '/leave');
  });

  test('what each of them said is in the error, and a single one speaks for itself', async () => {
    a!.answer = () => ({ status: 403, body: { message: 'no such node' } });
    b!.answer = () => ({ status: 403, body: { message: 'no, not here either' } });
    const call = (...to: string[]) => callLeader(worker, to, patience(), '/ca/renew', {});
    const refused = { name: 'ApiError', status: 403 };
    await assert.rejects(call(a!.address), { ...refused, message: 'no such node' });
    await assert.rejects(call(a!.address, b!.address), {
      ...refused,
      message: `${a!.address}: no such node; ${b!.address}: no, not here either`,
    });
    await assert.rejects(call(), /no manager is known/);
    await assert.rejects(
      callLeader(worker, [a!.address], AbortSignal.abort(new Error('enough')), '/leave', {}),
      /enough/,
    );
  });

  test('two addresses of one manager are one manager', async () => {
    managers.leader = a;
    const port = a!.address.split(':')[1];
    a!.delay = 1000;
    const session = await link(() => [a!.address, `localhost:${port}`]).open(request, patience());
    assert.deepEqual(a!.calls, ['/session']);
    session.close();
  });

  test('a session whose manager falls silent is left as soon as another one says that it leads', async () => {
    managers.leader = a;
    managers.heartbeatPeriod = 5e9;
    const agent = link();
    const session = await agent.open(request, patience());
    const over = ended(session);
    const cutAt = performance.now();
    a!.cutOff();
    // What others say of each other is no reason.
    const say = (leader: FakeManager) => ({ leader: { NodeID: leader.id, Addr: leader.address } });
    b!.answer = () => ({ status: 200, body: { ...say(a!), managers: managers.list } });
    let elected = 0;
    setTimeout(() => {
      managers.leader = c;
      elected = performance.now();
    }, 3500);
    const error = await over;
    const found = performance.now() - elected;
    assert.match(String(error), new RegExp(`the manager at ${c!.address} leads the swarm now`));
    assert.ok(found < 1000, `found after ${found} ms`);
    assert.ok(b!.calls.includes('/leader') && performance.now() - cutAt > 3500);
    const opened = await took(async () => (await agent.open(request, patience())).close());
    assert.ok(opened < 500, `${opened} ms`);
    assert.equal(c!.sessions.length, 1);
  });

  test('a manager that pings is not left, and nobody is asked', async () => {
    managers.leader = a;
    managers.heartbeatPeriod = 1e9;
    const session = await link().open(request, patience());
    const over = ended(session);
    managers.leader = c;
    const ticks = setInterval(() => a!.ping(), 200);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    clearInterval(ticks);
    assert.deepEqual([b!.calls, c!.calls], [[], []]);
    // It falls silent now, and another one leads.
    assert.match(String(await over), /leads the swarm now/);
  });
});
