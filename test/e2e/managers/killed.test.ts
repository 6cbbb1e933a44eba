/**
 * Promotion, interrupted by a kill at each of its steps: on disk is seen how far it has come, and whoever takes the next step
 * is killed that moment, by the host itself. Afterwards there are two managers, and nothing that was acknowledged is gone.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { eventually, type Outcome } from '../../support/lab.ts';
import { Swarm } from '../../support/swarm.ts';

const [LEADER, OTHER] = ['ka', 'kb'] as const;
type Host = typeof LEADER | typeof OTHER;
const DAEMON = '$(cut -d" " -f1 /run/essaim.process)';
const ETCD = '$(pgrep -x etcd)';
const PATIENCE = 60_000;

interface Step {
  /** What has just been done. */
  name: string;
  /** The host that has done it, and how that is told there (shell, in the daemon's folder). */
  host: Host;
  isDone: string;
  /** What is killed there. */
  victims: string;
}

const says = (role: string) => `grep -qs '"etcd": "${role}"' swarm/node.json`;
const step = (name: string, host: Host, isDone: string, victims = DAEMON): Step => ({
  ...{ name, host, isDone, victims },
});
/** What the only manager does as it takes the second one in. */
const FIRST: readonly Step[] = [
  step('the leader has a certificate for its etcd', LEADER, '[ -e swarm/peer.json ]'),
  step('etcd begins on the leader', LEADER, '[ -e etcd/data ]'),
  step('etcd begins on the leader, and is killed, too', LEADER, '[ -e etcd/data ]', `${DAEMON} ${ETCD}`),
  step('the state is being copied', LEADER, '[ -e etcd/member.json ]'),
  step('the state is being copied, and etcd is killed', LEADER, '[ -e etcd/member.json ]', ETCD),
  step('the state is in etcd', LEADER, says('member')),
  step('the state is in etcd, which is killed, too', LEADER, says('member'), `${DAEMON} ${ETCD}`),
  step('SQLite’s file is gone', LEADER, '[ ! -e swarm/cluster.db ]'),
];
/** What each further one does. */
const FURTHER: readonly Step[] = [
  step('it is certified as a manager', OTHER, '[ swarm/identity/identity.json -nt /run/before ]'),
  step('it is a learner', OTHER, '[ -e swarm/peer.json ]'),
  step('its etcd begins', OTHER, '[ -e etcd/data ]'),
  step('its etcd begins, and is killed, too', OTHER, '[ -e etcd/data ]', `${DAEMON} ${ETCD}`),
  step('its etcd runs', OTHER, says('joining')),
  step('its etcd runs, and is killed', OTHER, says('joining'), ETCD),
  step('its etcd runs, and the leader is killed', OTHER, says('joining'), ''),
  step('it has a vote', OTHER, says('member')),
  step('it has a vote, and its etcd is killed, too', OTHER, says('member'), `${DAEMON} ${ETCD}`),
];
/** What is taken back as it becomes a worker. */
const BACK: readonly Step[] = [
  step('its etcd is gone', OTHER, '[ ! -e etcd/member.json ]'),
  step('it is a worker on disk', OTHER, 'grep -qs \'"role": "worker"\' swarm/node.json'),
];

describe('promotion that is interrupted', { timeout: 600_000 }, () => {
  let swarm: Swarm;
  before(async () => {
    swarm = await Swarm.on(LEADER, OTHER);
  });
  after(() => swarm?.[Symbol.asyncDispose]());

  const on = (host: Host, ...args: string[]): Promise<string> => swarm.lab.docker(host, ...args);
  const ask = (host: Host, ...args: string[]): Promise<Outcome> => swarm.lab.tryDocker(host, args);
  const ssh = (host: Host, command: string): Promise<string> => swarm.lab.ssh(host, command);
  const managers = async (host: Host): Promise<string> => {
    const rows = await on(host, 'node', 'ls', '--format', '{{.ManagerStatus}}');
    return rows.split('\n').sort().join();
  };
  const agreed = (): Promise<unknown> =>
    eventually(
      'there are two managers',
      PATIENCE,
      async () =>
        (await Promise.all([LEADER, OTHER].map(managers))).every((each) => each === 'Leader,Reachable'),
      () => swarm.explain(),
    );

  /** Writes one after the other until told to stop. @returns the names of what was acknowledged */
  let names = 0;
  const writing = (): { stop(): Promise<string[]> } => {
    const acknowledged: string[] = [];
    let over = false;
    const work = async (): Promise<void> => {
      while (!over) {
        const name = `w${names++}`;
        const { code } = await ask(LEADER, 'network', 'create', '-d', 'overlay', '--label', 'w', name);
        if (code === 0) acknowledged.push(name);
        else await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    const done = work();
    return {
      async stop() {
        over = true;
        await done;
        return acknowledged;
      },
    };
  };
  /** Kills what the step says as soon as it is done, while `work` goes on; the host's daemon is started again. */
  const interrupted = async (
    { host, isDone, victims }: Step,
    work: () => Promise<unknown>,
  ): Promise<void> => {
    const folder = join(swarm.lab.home, 'machines', host, 'daemon');
    await ssh(host, 'touch /run/before');
    const kill = victims === '' ? 'true' : `kill -9 ${victims}`;
    const pause = 'i=$((i+1)); [ $i -lt 20000 ] || exit 9; sleep 0.002';
    const watch = `cd ${folder}; i=0; until ${isDone}; do ${pause}; done; ${kill}`;
    const killed = ssh(host, watch);
    await work();
    await killed;
    if (victims === '') await ssh(LEADER, `kill -9 ${DAEMON}`);
    await Promise.all([LEADER, OTHER].map((each) => swarm.lab.must('start', each)));
  };
  /** There are two managers in the end, whichever way, and all that was acknowledged is there. */
  const promoted = async (each: Step): Promise<void> => {
    const writer = writing();
    // It may be the command's own connection that is lost.
    try {
      await interrupted(each, () => ask(LEADER, 'node', 'promote', OTHER));
      await eventually(
        'it is promoted',
        PATIENCE,
        async () => (await ask(LEADER, 'node', 'promote', OTHER)).code === 0,
        () => swarm.explain(),
      );
      await agreed();
    } finally {
      await writer.stop();
    }
    const acknowledged = await writer.stop();
    for (const host of [LEADER, OTHER] as const) {
      const there = new Set((await on(host, 'network', 'ls', '--format', '{{.Name}}')).split('\n'));
      assert.deepEqual(
        acknowledged.filter((name) => !there.has(name)),
        [],
      );
    }
    for (const host of [LEADER, OTHER] as const)
      await eventually(
        `${host} takes changes`,
        PATIENCE,
        async () => (await ask(host, 'node', 'update', '--label-add', `n=${names++}`, OTHER)).code === 0,
        () => swarm.explain(),
      );
  };
  const isWorker = (): Promise<unknown> =>
    eventually(
      `${OTHER} is a worker`,
      PATIENCE,
      async () =>
        /not a swarm manager/.test((await ask(OTHER, 'node', 'ls')).stderr) &&
        (await managers(LEADER)) === ',Leader' &&
        (await on(LEADER, 'node', 'ls', '--format', '{{.Status}}')) === 'Ready\nReady',
      () => swarm.explain(),
    );
  const demote = async (): Promise<void> => {
    // The leader may be either of them by now.
    await eventually(
      `${OTHER} is demoted`,
      PATIENCE,
      async () => (await ask(LEADER, 'node', 'demote', OTHER)).code === 0,
    );
    await isWorker();
    const left = await on(LEADER, 'network', 'ls', '-q', '--filter', 'label=w');
    if (left !== '') await ask(LEADER, 'network', 'rm', ...left.split('\n'));
  };
  const anew = async (): Promise<void> => {
    for (const host of [OTHER, LEADER] as const) await ask(host, 'swarm', 'leave', '--force');
    const ip = await swarm.lab.address(LEADER);
    await on(LEADER, 'swarm', 'init', '--advertise-addr', ip);
    const token = await on(LEADER, 'swarm', 'join-token', '-q', 'worker');
    await on(OTHER, 'swarm', 'join', '--token', token, `${ip}:2377`);
  };

  for (const [i, each] of FIRST.entries())
    test(`of the second manager: ${each.name}`, async () => {
      if (i > 0) await anew();
      await promoted(each);
    });

  for (const each of FURTHER)
    test(`of a further manager: ${each.name}`, async () => {
      await demote();
      await promoted(each);
    });

  for (const each of BACK)
    test(`and taken back: ${each.name}`, async () => {
      await interrupted(each, () => ask(LEADER, 'node', 'demote', OTHER));
      await isWorker();
      await promoted(step('nothing', OTHER, 'true', ''));
    });
});
