/** Five managers: what they survive, and what must not harm them. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { eventually, type Outcome } from '../../support/lab.ts';
import { Swarm } from '../../support/swarm.ts';

const HOSTS = ['fa', 'fb', 'fc', 'fd', 'fe'] as const;
type Host = (typeof HOSTS)[number];
const [FIRST, , , , LAST] = HOSTS;
const OTHERS = HOSTS.filter((host) => host !== LAST);
const NO_LEADER = /The swarm does not have a leader/;
const END_DAEMON = 'p=$(cut -d" " -f1 /run/essaim.process); kill $p; while kill -0 $p; do sleep 0.1; done';
const PATIENCE = 40_000;

describe('five managers', { timeout: 400_000 }, () => {
  let swarm: Swarm;
  before(async () => {
    swarm = await Swarm.on(...HOSTS);
    await swarm.create('--name', 'web', '--replicas', '10', 'whoami');
    await swarm.converge('web', 10);
  });
  after(() => swarm?.[Symbol.asyncDispose]());

  const on = (host: Host, ...args: string[]): Promise<string> => swarm.lab.docker(host, ...args);
  const ask = (host: Host, ...args: string[]): Promise<Outcome> => swarm.lab.tryDocker(host, args);
  const ssh = (host: Host, command: string): Promise<string> => swarm.lab.ssh(host, command);
  const folder = (host: Host): string => join(swarm.lab.home, 'machines', host, 'daemon');
  const managers = (host: Host): Promise<string> => swarm.managers(host);
  const leader = async (host: Host): Promise<Host> =>
    (/(\w+) Leader/.exec(await managers(host))?.[1] ?? '') as Host;
  const agreed = (hosts: readonly Host[], isIt: (said: string) => boolean): Promise<unknown> =>
    eventually(
      `${hosts} agree`,
      PATIENCE,
      async () => {
        const said = await Promise.all(hosts.map(managers));
        return new Set(said).size === 1 && isIt(said[0]!);
      },
      async () =>
        `${await Promise.all(hosts.map((host) => managers(host).catch(String)))}\n${await swarm.explain()}`,
    );
  const count = (said: string, word: string): number => said.split(` ${word}`).length - 1;
  const whole = (said: string): boolean => count(said, 'Leader') === 1 && count(said, 'Reachable') === 4;
  let configs = 0;
  const write = (host: Host): Promise<unknown> =>
    eventually(
      `${host} takes a change`,
      15_000,
      async () => (await ask(host, 'network', 'create', '-d', 'overlay', `n${configs++}`)).code === 0,
      () => swarm.explain(),
    );
  /** Containers of web with the moment at which each was started. */
  const started = async (host: Host): Promise<string[]> => {
    const names = await swarm.containers(host, 'web');
    return Promise.all(
      names.map((name) => on(host, 'inspect', '-f', '{{.Name}} {{.State.StartedAt}}', name)),
    );
  };
  const error = (host: Host): Promise<string> => on(host, 'info', '--format', '{{.Swarm.Error}}');
  const says = (host: Host, what: RegExp): Promise<unknown> =>
    eventually(
      `${host} says ${what}`,
      PATIENCE,
      async () => what.test(await error(host)),
      async () => `${await error(host)}\n${await swarm.explain()}`,
    );
  /** From what it is, whatever that is, to a manager. */
  const promote = async (host: Host): Promise<void> => {
    await eventually(`${host} is ready`, PATIENCE, async () => {
      const rows = await on(FIRST, 'node', 'ls', '--format', '{{.Hostname}} {{.Status}}');
      return rows.includes(`${host} Ready`);
    });
    await on(FIRST, 'node', 'promote', host);
  };
  const demote = async (host: Host): Promise<void> => {
    await on(FIRST, 'node', 'demote', host);
    await eventually(`${host} is a worker`, PATIENCE, async () =>
      /not a swarm manager/.test((await ask(host, 'node', 'ls')).stderr),
    );
  };
  const leave = async (host: Host): Promise<void> => {
    await on(host, 'swarm', 'leave', '--force');
    await eventually(`${host} is no node any more`, PATIENCE, async () => {
      const { code, stderr } = await ask(FIRST, 'node', 'rm', '--force', host);
      return code === 0 || /not found/.test(stderr);
    });
  };
  const joins = async (host: Host, role: string, ...more: string[]): Promise<Outcome> => {
    const token = await on(FIRST, 'swarm', 'join-token', '-q', role);
    return ask(host, 'swarm', 'join', '--token', token, ...more, `${await swarm.lab.address(FIRST)}:2377`);
  };

  test('four are promoted at once, and no task is restarted', async () => {
    const before = await Promise.all(HOSTS.map(started));
    const { code, stderr } = await ask(FIRST, 'node', 'promote', ...HOSTS.slice(1));
    assert.equal(code, 0, stderr);
    await agreed(HOSTS, whole);
    for (const host of HOSTS) await write(host);
    assert.deepEqual(await Promise.all(HOSTS.map(started)), before);
    assert.doesNotMatch(await on(FIRST, 'info', '--format', '{{json .Warnings}}'), /anager/);
  });

  test('two change places at once: all know where they are, and nothing restarts', async () => {
    const pair = HOSTS.slice(1, 3);
    const at = await Promise.all(pair.map((host) => swarm.lab.address(host)));
    const before = await Promise.all(HOSTS.map(started));
    const move = (host: Host, from: string, to: string): Promise<string> => {
      const way = 'via=$(ip route show default | cut -d" " -f3)';
      const change = `ip address del ${from}/24 dev eth0; ip address add ${to}/24 broadcast + dev eth0`;
      return ssh(host, `${way}; ${change}; ip route replace default via $via`);
    };
    const where = '{{.Status.Addr}} {{.ManagerStatus.Addr}} {{.ManagerStatus.Reachability}}';
    const change = async (from: string[]): Promise<void> => {
      const to = from.toReversed();
      await Promise.all(pair.map((host, i) => move(host, from[i]!, to[i]!)));
      const wanted = to.map((address) => `${address} ${address}:2377 reachable`).join('\n');
      await eventually(
        `all know ${pair} at ${to}`,
        PATIENCE,
        async () => {
          const said = HOSTS.map((host) => on(host, 'node', 'inspect', '--format', where, ...pair));
          return (await Promise.all(said)).every((each) => each === wanted);
        },
        () => swarm.explain(),
      );
      for (const host of pair) await says(host, /^$/);
    };
    await change(at);
    await change(at.toReversed());
    // A member that the others look for elsewhere has no vote among them.
    await demote(pair[0]!);
    await promote(pair[0]!);
    await agreed(HOSTS, whole);
    assert.deepEqual(await Promise.all(HOSTS.map(started)), before);
  });

  test('two are lost, the leader among them: all goes on; a third one: nothing is changed, and what runs runs', async () => {
    const first = await leader(FIRST);
    const [second, third, ...left] = HOSTS.filter((host) => host !== first) as [Host, Host, Host, Host];
    await Promise.all([first, second].map((host) => swarm.lab.must('kill', host)));
    for (const host of [third, ...left]) await write(host);
    await eventually(
      'ten tasks run on what is left',
      60_000,
      async () => (await Promise.all([third, ...left].map(started))).flat().length === 10,
      () => swarm.explain(),
    );
    const refused = await ask(left[0], 'node', 'demote', third);
    assert.match(refused.stderr, /this would result in a loss of quorum/);
    await swarm.lab.must('kill', third);
    const before = await Promise.all(left.map(started));
    for (const command of [
      ['node', 'ls'],
      ['service', 'scale', '-d', 'web=1'],
      ['node', 'demote', third],
    ])
      await eventually(`${command.join(' ')} is refused`, PATIENCE, async () =>
        NO_LEADER.test((await ask(left[0], ...command)).stderr),
      );
    assert.deepEqual(await Promise.all(left.map(started)), before);
    await swarm.lab.must('start', first, second, third);
    await agreed(HOSTS, whole);
    for (const host of HOSTS) await write(host);
    await swarm.converge('web', 10);
  });

  test('a manager whose folder is brought back after it was removed is told so, and changes nothing', async () => {
    const state = `${folder(LAST)}/swarm ${folder(LAST)}/etcd`;
    await ssh(LAST, `${END_DAEMON}; pkill -x etcd; mkdir /run/kept; sleep 1; cp -a ${state} /run/kept`);
    await swarm.lab.must('start', LAST);
    await agreed(HOSTS, whole);
    await demote(LAST);
    await leave(LAST);
    const before = await managers(FIRST);
    await ssh(LAST, `${END_DAEMON}; cp -a /run/kept/* ${folder(LAST)}; rm -r /run/kept`);
    await swarm.lab.must('start', LAST);
    await says(LAST, /not part of this (?:swarm|cluster).*docker swarm leave --force/);
    await write(FIRST);
    assert.equal(await managers(FIRST), before);
    assert.equal((await ask(LAST, 'swarm', 'leave', '--force')).stdout.trim(), 'Node left the swarm.');
  });

  test('no host joins as a manager at another one’s address, or without etcd; with a worker’s token it is one', async () => {
    const other = await swarm.lab.address(OTHERS[1]!);
    const before = await managers(FIRST);
    const atOther = await joins(LAST, 'manager', '--advertise-addr', other);
    assert.match(atOther.stderr, new RegExp(`manager ${OTHERS[1]} has the address ${other} already`));
    await ssh(LAST, 'command -v etcd >/run/etcd; mount --bind /dev/null "$(cat /run/etcd)"');
    const without = await joins(LAST, 'manager');
    assert.match(
      without.stderr,
      /there is no etcd on this host, which each of several managers needs: install it/,
    );
    assert.equal(await on(LAST, 'info', '--format', '{{.Swarm.LocalNodeState}}'), 'inactive');
    assert.equal(await managers(FIRST), before);
    assert.equal((await joins(LAST, 'worker')).stdout.trim(), 'This node joined a swarm as a worker.');
    const refused = await ask(FIRST, 'node', 'promote', LAST);
    assert.match(refused.stderr, new RegExp(`node ${LAST} has no etcd`));
    await ssh(LAST, 'umount "$(cat /run/etcd)"');
    await eventually(
      `${LAST} may be promoted`,
      60_000,
      async () => (await ask(FIRST, 'node', 'promote', LAST)).code === 0,
    );
    await agreed(HOSTS, whole);
  });

  test('etcd’s port that is taken is said, and waited for', async () => {
    await demote(LAST);
    const listen = 'require("net").createServer((socket) => socket.destroy()).listen(2380)';
    await ssh(LAST, `setsid ${process.execPath} -e '${listen}' >/dev/null 2>&1 & echo $! >/run/other`);
    await promote(LAST);
    await says(LAST, /:2380 is taken by another program/);
    await write(FIRST);
    await ssh(LAST, 'kill $(cat /run/other)');
    await agreed(HOSTS, whole);
  });

  test('a full disk is said, and ends with it; the others go on', async () => {
    await demote(LAST);
    const etcd = `${folder(LAST)}/etcd`;
    await ssh(LAST, `mkdir -p ${etcd} && mount -t tmpfs -o size=100m tmpfs ${etcd}`);
    await promote(LAST);
    await agreed(HOSTS, whole);
    await ssh(LAST, `dd if=/dev/zero of=${etcd}/filler bs=64k 2>/dev/null || true`);
    const large = join(swarm.lab.home, 'large');
    await ssh(FIRST, `head -c 400000 /dev/urandom >${large}`);
    await eventually(
      `${LAST} says so`,
      60_000,
      async () => {
        await on(FIRST, 'config', 'create', `large${configs++}`, large);
        return /the disk of .* is full: make room/.test(await error(LAST));
      },
      async () => `${await error(LAST)}\n${await swarm.explain()}`,
    );
    await write(FIRST);
    await ssh(LAST, `rm ${etcd}/filler`);
    await agreed(HOSTS, whole);
    await says(LAST, /^$/);
  });

  test('a daemon whose host could not finish to leave ends when it is told to', async () => {
    await swarm.lab.stopEngine(LAST);
    const { code } = await ask(LAST, 'swarm', 'leave', '--force');
    assert.notEqual(code, 0);
    await ssh(LAST, END_DAEMON);
    await write(FIRST);
  });
});
