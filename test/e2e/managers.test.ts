/** Several managers: a swarm that outlives any host. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../support/lab.ts';
import { Swarm } from '../support/swarm.ts';

const HOSTS = ['ma', 'mb', 'mc'] as const;
const WRITE_PATIENCE = 10_000;

describe('several managers', { timeout: 300_000 }, () => {
  let swarm: Swarm;
  before(async () => {
    swarm = await Swarm.on(...HOSTS);
  });
  after(() => swarm?.[Symbol.asyncDispose]());

  const ask = (host: string, ...args: string[]) => swarm.lab.tryDocker(host, args);
  /** What a host says of the managers: `ma Leader; mb Reachable; …`. */
  const managers = async (host: string): Promise<string> => {
    const { stdout, stderr } = await ask(host, 'node', 'ls', '--format', '{{.Hostname}} {{.ManagerStatus}}');
    return (stdout || stderr)
      .trim()
      .split('\n')
      .map((row) => row.trim())
      .sort()
      .join('; ');
  };
  const explain = async (): Promise<string> =>
    `${(await Promise.all(HOSTS.map(async (host) => `${host}: ${await managers(host).catch(String)}`))).join('\n')}\n${await swarm.explain()}`;
  const agreed = (hosts: readonly string[], wanted: RegExp, patience = 20_000) =>
    eventually(
      `the managers are ${wanted}`,
      patience,
      async () => {
        const said = await Promise.all(hosts.map(managers));
        return said.every((each) => wanted.test(each)) && new Set(said).size === 1;
      },
      explain,
    );
  const leader = async (host: string): Promise<string> =>
    / (Leader)/.test(await managers(host))
      ? (await managers(host))
          .split('; ')
          .find((row) => row.endsWith(' Leader'))!
          .split(' ')[0]!
      : '';
  /** Names of the containers of web on all hosts, which have their tasks' ids in them. */
  const running = async (): Promise<string[]> =>
    (await Promise.all(HOSTS.map((host) => swarm.containers(host, 'web')))).flat().sort();
  let configs = 0;
  const write = (host: string) =>
    eventually(
      `${host} takes a change`,
      WRITE_PATIENCE,
      async () => (await ask(host, 'network', 'create', '-d', 'overlay', `n${configs++}`)).code === 0,
      explain,
    );

  test('promoted one after the other, while services run on: no task is restarted', async () => {
    await swarm.docker(
      'service',
      'create',
      '-d',
      '--name',
      'web',
      '--replicas',
      '6',
      '-p',
      '8080:80',
      'whoami:1',
    );
    await swarm.converge('web', 6);
    const before = await running();
    assert.equal(await swarm.docker('node', 'promote', 'mb'), 'Node mb promoted to a manager in the swarm.');
    await agreed(['ma', 'mb'], /^ma Leader; mb Reachable; mc$/);
    await swarm.docker('node', 'promote', 'mc');
    await agreed(HOSTS, /^ma Leader; mb Reachable; mc Reachable$/);
    assert.equal(before.length, 6);
    assert.deepEqual(await running(), before);
    const info =
      '{{.Swarm.ControlAvailable}} {{.Swarm.Nodes}} {{.Swarm.Managers}} {{len .Swarm.RemoteManagers}}';
    for (const host of HOSTS)
      await eventually(
        `${host} knows all managers`,
        10_000,
        async () => (await swarm.lab.docker(host, 'info', '--format', info)) === 'true 3 3 3',
      );
  });

  test('any of them takes changes, and shows them at once', async () => {
    for (const host of HOSTS) {
      const id = await swarm.lab.docker(host, 'service', 'create', '-d', '--name', `by-${host}`, 'whoami:1');
      assert.equal(await swarm.lab.docker(host, 'service', 'inspect', '-f', '{{.ID}}', `by-${host}`), id);
      await swarm.lab.docker(host, 'service', 'update', '-d', '--label-add', 'a=b', `by-${host}`);
      const labels = await swarm.lab.docker(
        host,
        'service',
        'inspect',
        '-f',
        '{{.Spec.Labels.a}}',
        `by-${host}`,
      );
      assert.equal(labels, 'b');
      assert.equal(await swarm.lab.docker(host, 'service', 'rm', `by-${host}`), `by-${host}`);
      const gone = await ask(host, 'service', 'inspect', `by-${host}`);
      assert.match(gone.stderr, /no such service/);
    }
    const again = await ask('mb', 'network', 'create', '-d', 'overlay', 'ingress');
    assert.notEqual(again.code, 0);
  });

  test('a command runs in a task on any host through any manager', async () => {
    for (const name of await running()) {
      const [task = ''] = /^web\.\d+/.exec(name) ?? [];
      const said = await Promise.all(HOSTS.map((host) => swarm.lab.docker(host, 'exec', task, 'hostname')));
      assert.equal(new Set(said).size, 1);
    }
  });

  test('the leader’s host loses its power: another one leads, and it comes back as one that follows', async () => {
    const first = await leader('ma');
    const [other] = HOSTS.filter((host) => host !== first);
    await swarm.lab.must('kill', first);
    await write(other!);
    assert.notEqual(await leader(other!), first);
    await swarm.lab.must('start', first);
    await agreed(HOSTS, /Leader/);
  });

  test('demoted, from the leader on, until one is left, which goes on and takes others in again', async () => {
    const first = await leader('ma');
    const [second, third] = HOSTS.filter((host) => host !== first);
    assert.equal(
      (await ask(second!, 'node', 'demote', first)).stdout.trim(),
      `Manager ${first} demoted in the swarm.`,
    );
    await agreed([second!, third!], new RegExp(`${first}(;|$)`));
    await eventually(`${first} is a worker`, 15_000, async () =>
      /not a swarm manager/.test((await ask(first, 'node', 'ls')).stderr),
    );
    const lead = await leader(second!);
    const last = lead === second ? third! : second!;
    await swarm.lab.docker(lead, 'node', 'demote', last);
    await agreed([lead], new RegExp(`${lead} Leader`));
    await eventually(`${last} is a worker`, 15_000, async () =>
      /not a swarm manager/.test((await ask(last, 'node', 'ls')).stderr),
    );
    const refused = await ask(lead, 'node', 'demote', lead);
    assert.match(refused.stderr, /attempting to demote the last manager of the swarm/);
    await write(lead);
    await swarm.lab.docker(lead, 'node', 'promote', first);
    await agreed([lead, first], new RegExp(`${first} Reachable`));
  });
});
