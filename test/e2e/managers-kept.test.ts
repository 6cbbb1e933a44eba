/** What several managers keep: their keys under lock, their root, their state when all of them are lost. */
import assert from 'node:assert/strict';
import { cp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually, execute, type Outcome } from '../support/lab.ts';
import { Swarm } from '../support/swarm.ts';

const ESSAIM = fileURLToPath(new URL('../../bin/essaim', import.meta.url));
const HOSTS = ['na', 'nb', 'nc'] as const;
type Host = (typeof HOSTS)[number];
const [FIRST, SECOND, THIRD] = HOSTS;
const LOCKED = /Swarm is encrypted and needs to be unlocked before it can be used/;
const KEY = /SWMKEY-1-[A-Za-z0-9+/]{43}/;

describe('three managers and what they keep', { timeout: 300_000 }, () => {
  let swarm: Swarm;
  let key: string;
  before(async () => {
    swarm = await Swarm.on(...HOSTS);
    await cp(join(folder(FIRST), 'swarm'), copy(), { recursive: true });
    await swarm.docker('node', 'promote', SECOND);
    await swarm.docker('node', 'promote', THIRD);
    await swarm.create('--name', 'web', '--replicas', '6', 'whoami');
    await swarm.converge('web', 6);
    await agreed();
  });
  after(() => swarm?.[Symbol.asyncDispose]());

  const on = (host: Host, ...args: string[]) => swarm.lab.docker(host, ...args);
  const ssh = (host: Host, command: string) => swarm.lab.ssh(host, command);
  const folder = (host: Host) => join(swarm.lab.home, 'machines', host, 'daemon');
  /** Of the first one's state while it was the only one. */
  const copy = () => join(swarm.lab.home, 'copy');
  const essaim = (host: Host, ...args: string[]): Promise<Outcome> =>
    execute(ESSAIM, args, { ...process.env, DOCKER_HOST: `unix://${swarm.lab.socket(host)}` });
  const state = (host: Host) => on(host, 'info', '--format', '{{.Swarm.LocalNodeState}}');
  const unlock = (host: Host, text: string): Promise<Outcome> => {
    const env = { ...process.env, DOCKER_HOST: `unix://${swarm.lab.socket(host)}` };
    return execute('sh', ['-c', `echo '${text}' | docker swarm unlock`], env);
  };
  const killDaemon = (host: Host) => ssh(host, 'kill -9 $(cut -d" " -f1 /run/essaim.process)');
  /** All three say the same: one leads, and the others can be reached. */
  const agreed = (hosts: readonly Host[] = HOSTS): Promise<unknown> =>
    eventually(
      'all managers are there',
      40_000,
      async () => {
        const said = await Promise.all(hosts.map((host) => swarm.managers(host)));
        return said.every((each) => /Leader/.test(each) && each.match(/Reachable/g)?.length === 2);
      },
      () => swarm.explain(),
    );
  let configs = 0;
  const write = (host: Host): Promise<unknown> =>
    eventually(`${host} takes a change`, 15_000, async () => {
      const { code } = await swarm.lab.tryDocker(host, [
        'network',
        'create',
        '-d',
        'overlay',
        `n${configs++}`,
      ]);
      return code === 0;
    });
  const started = async (host: Host): Promise<string[]> => {
    const names = await swarm.containers(host, 'web');
    const format = '{{.Name}} {{.State.StartedAt}}';
    return (await Promise.all(names.map((name) => on(host, 'inspect', '-f', format, name)))).sort();
  };
  const keysInClear = (host: Host) => ssh(host, `grep -rlE -- 'PRIVATE KEY' ${folder(host)}/swarm || true`);
  const allLocked = (): Promise<unknown> =>
    eventually(
      'no key lies in the clear',
      15_000,
      async () => (await Promise.all(HOSTS.map(keysInClear))).join('') === '',
    );

  test('the state of the time when there was one, put back from a copy, is nobody else’s', async () => {
    await Promise.all(HOSTS.map((host) => swarm.lab.must('kill', host)));
    const state = join(folder(FIRST), 'swarm');
    await rename(state, `${state}.kept`);
    await cp(copy(), state, { recursive: true });
    await swarm.lab.must('start', FIRST);
    await eventually('the copy is served', 15_000, async () => {
      const { code, stdout } = await swarm.lab.tryDocker(FIRST, ['service', 'ls', '-q']);
      return code === 0 && stdout === '';
    });
    // Where nobody else leads, the copy is all there is to follow.
    await swarm.lab.must('start', THIRD);
    const log = join(folder(THIRD), '../log/essaim.log');
    await eventually('it is told from the state of today', 15_000, async () =>
      (await readFile(log, 'utf8')).includes('the state of before the swarm had several'),
    );
    await swarm.lab.must('start', SECOND);
    for (const host of [SECOND, THIRD]) {
      await write(host);
      const rows = await on(host, 'node', 'ls', '--format', '{{.Hostname}} {{.ManagerStatus}}');
      assert.match(rows, /n[bc] Leader/);
      assert.equal(await on(host, 'service', 'ls', '--format', '{{.Name}}'), 'web');
    }
    await swarm.lab.must('kill', FIRST);
    await rm(state, { recursive: true });
    await rename(`${state}.kept`, state);
    await swarm.lab.must('start', FIRST);
    await agreed();
    await swarm.converge('web', 6);
  });

  test('autolock is every manager’s; one that is locked says so, and the others go on', async () => {
    assert.notEqual(await keysInClear(SECOND), '');
    key = KEY.exec(await on(SECOND, 'swarm', 'update', '--autolock=true'))![0];
    await allLocked();
    for (const host of HOSTS) assert.equal(await on(host, 'swarm', 'unlock-key', '-q'), key);
    const before = await started(SECOND);
    await killDaemon(SECOND);
    await swarm.lab.must('start', SECOND);
    assert.equal(await state(SECOND), 'locked');
    assert.match((await swarm.lab.tryDocker(SECOND, ['node', 'ls'])).stderr, LOCKED);
    await write(FIRST);
    assert.match((await unlock(SECOND, key.replace(/.{4}$/, 'AAAA'))).stderr, /invalid key provided/);
    assert.equal((await unlock(SECOND, key)).code, 0);
    await agreed();
    await write(SECOND);
    assert.deepEqual(await started(SECOND), before);
  });

  test('another key is every manager’s, also when all of them come back from a loss of power', async () => {
    const old = key;
    key = KEY.exec(await on(THIRD, 'swarm', 'unlock-key', '--rotate', '-q'))![0];
    assert.notEqual(key, old);
    await allLocked();
    await Promise.all(HOSTS.map((host) => swarm.lab.must('kill', host)));
    await swarm.lab.must('start', ...HOSTS);
    for (const host of HOSTS) {
      assert.equal(await state(host), 'locked');
      assert.match((await unlock(host, old)).stderr, /invalid key provided/);
    }
    await allLocked();
    const opened = await Promise.all(HOSTS.map((host) => unlock(host, key)));
    assert.deepEqual(
      opened.map(({ code, stderr }) => [code, stderr]),
      HOSTS.map(() => [0, '']),
    );
    await agreed();
    await swarm.converge('web', 6);
    for (const host of HOSTS) await write(host);
  });

  test('a root is replaced while they go on', async () => {
    const token = await on(FIRST, 'swarm', 'join-token', '-q', 'worker');
    const old = await on(FIRST, 'swarm', 'ca');
    const before = await Promise.all(HOSTS.map(started));
    await on(SECOND, 'swarm', 'ca', '--rotate', '--quiet');
    await eventually('the rotation is over', 60_000, async () => {
      const format = '{{.Swarm.Cluster.RootRotationInProgress}}';
      return (await on(FIRST, 'info', '--format', format)) === 'false';
    });
    const root = await on(FIRST, 'swarm', 'ca');
    assert.notEqual(root, old);
    assert.notEqual(await on(FIRST, 'swarm', 'join-token', '-q', 'worker'), token);
    // Their members of etcd are started with the new root alone, one after the other.
    await eventually(
      'etcd trusts the new root alone',
      120_000,
      async () => {
        const trusted = await Promise.all(
          HOSTS.map((host) => ssh(host, `cat ${folder(host)}/etcd/roots.pem`)),
        );
        return trusted.every((each) => each.trim() === root.trim());
      },
      () => swarm.explain(),
    );
    await agreed();
    for (const host of HOSTS) await write(host);
    assert.deepEqual(await Promise.all(HOSTS.map(started)), before);
    await allLocked();
  });

  test('all are lost: one brings the swarm back from a backup, and the others take part again', async () => {
    const file = join(swarm.lab.home, 'state.essaim');
    const unlockKey = join(swarm.lab.home, 'key');
    assert.equal((await execute('sh', ['-c', `echo '${key}' >${unlockKey}`], process.env)).code, 0);
    const made = await essaim(SECOND, 'backup', 'create', file);
    assert.equal(made.code, 0, made.stderr);
    const before = await Promise.all(HOSTS.map(started));
    await Promise.all(HOSTS.map(killDaemon));
    await Promise.all(HOSTS.map((host) => ssh(host, 'pkill -9 -x etcd')));
    // One has nothing left, one has lost its state alone, and so has one that is locked.
    const remove = (host: Host, what: string) =>
      ssh(host, `umount -l ${folder(host)}/peer; cd ${folder(host)} && rm -rf peer ${what}`);
    await Promise.all([remove(FIRST, 'swarm etcd'), remove(SECOND, 'etcd'), remove(THIRD, 'etcd')]);
    await swarm.lab.must('start', FIRST);
    const address = ['--advertise-addr', await swarm.lab.address(FIRST)];
    const restored = await essaim(
      FIRST,
      'backup',
      'restore',
      '--passphrase-file',
      unlockKey,
      ...address,
      file,
    );
    assert.equal(restored.code, 0, restored.stderr);
    await swarm.lab.must('start', SECOND, THIRD);
    for (const host of [SECOND, THIRD]) assert.equal((await unlock(host, key)).code, 0);
    await eventually(
      'the others are workers of it',
      40_000,
      async () => {
        const rows = await swarm.docker(
          'node',
          'ls',
          '--format',
          '{{.Hostname}} {{.Status}} {{.ManagerStatus}}',
        );
        return rows.split('\n').sort().join() === `${FIRST} Ready Leader,${SECOND} Ready ,${THIRD} Ready `;
      },
      () => swarm.explain(),
    );
    await swarm.converge('web', 6);
    assert.deepEqual(await Promise.all(HOSTS.map(started)), before);
    for (const host of [SECOND, THIRD]) await swarm.docker('node', 'promote', host);
    await agreed();
    for (const host of HOSTS) await write(host);
  });
});
