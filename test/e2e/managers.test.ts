/** Several managers: a swarm that outlives any host. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../support/lab.ts';
import { Swarm } from '../support/swarm.ts';

const HOSTS = ['ma', 'mb', 'mc'] as const;
const WRITE_PATIENCE = 10_000;
const KILL_DAEMON = 'kill -9 $(cut -d" " -f1 /run/essaim.process)';
const NO_LEADER =
  /The swarm does not have a leader\. It's possible that too few managers are online\. Make sure more than half of the managers are online\./;

describe('several managers', { timeout: 300_000 }, () => {
  let swarm: Swarm;
  before(async () => {
    swarm = await Swarm.on(...HOSTS);
  });
  after(() => swarm?.[Symbol.asyncDispose]());

  const ask = (host: string, ...args: string[]) => swarm.lab.tryDocker(host, args);
  /** What a host says of the managers: `ma Leader; mb Reachable; …`. */
  const managers = (host: string): Promise<string> => swarm.managers(host).catch(String);
  const explain = async (): Promise<string> =>
    `${(await Promise.all(HOSTS.map(async (host) => `${host}: ${await managers(host)}`))).join('\n')}\n${await swarm.explain()}`;
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

  const handedOver = async (first: string): Promise<void> => {
    const [other = ''] = HOSTS.filter((host) => host !== first);
    const changed = async () => ![first, ''].includes(await leader(other));
    await eventually('another manager leads', WRITE_PATIENCE, changed, explain);
    await write(other);
  };

  /**
   * Commands through the managers `asked`, each in a task on another host than that and the leader's, that end when told to.
   * Returns what tells them, and sees that each has gone on.
   */
  const underWay = async (first: string, asked: readonly string[]): Promise<() => Promise<void>> => {
    const mark = `/tmp/${first}-${configs++}`;
    const commands = await Promise.all(
      asked.map(async (by) => {
        const host = HOSTS.find((each) => each !== by && each !== first)!;
        const running = () => swarm.containers(host, 'each');
        await eventually(`each runs on ${host}`, 10_000, async () => (await running()).length === 1, explain);
        const [container = ''] = await running();
        const script = `touch ${mark}-${by}; until [ -e ${mark} ]; do sleep 0.1; done; echo went on`;
        const said = ask(by, 'exec', container, 'sh', '-c', script);
        const begun = async () => (await ask(host, 'exec', container, 'ls', `${mark}-${by}`)).code === 0;
        await eventually(`${by} runs a command in ${container}`, 10_000, begun, explain);
        return { by, host, container, said };
      }),
    );
    return async () => {
      for (const { host, container } of commands)
        await swarm.lab.docker(host, 'exec', container, 'touch', mark);
      for (const { by, said } of commands)
        assert.deepEqual({ by, ...(await said) }, { by, code: 0, stdout: 'went on\n', stderr: '' });
    };
  };

  test('what is done in tasks elsewhere goes on while the lead passes on', async () => {
    await swarm.create('--mode', 'global', '--name', 'each', 'whoami:1');
    const first = await leader('ma');
    const goesOn = await underWay(first, HOSTS);
    await swarm.lab.docker(first, 'node', 'update', '--availability', 'drain', first);
    await handedOver(first);
    await goesOn();
    await swarm.lab.docker(first, 'node', 'update', '--availability', 'active', first);
  });

  test('the leader’s host is drained: another one leads, and it goes on as one that follows', async () => {
    const first = await leader('ma');
    await swarm.lab.docker(first, 'node', 'update', '--availability', 'drain', first);
    await handedOver(first);
    await agreed(HOSTS, new RegExp(`${first} Reachable`));
    await swarm.converge('web', 6);
    await swarm.lab.docker(first, 'node', 'update', '--availability', 'active', first);
  });

  test('the leader’s daemon is told to end: another one leads before it does', async () => {
    const first = await leader('ma');
    const before = await running();
    const ended = swarm.lab.ssh(
      first,
      'p=$(cut -d" " -f1 /run/essaim.process); kill $p; while kill -0 $p; do sleep 0.1; done',
    );
    await handedOver(first);
    await ended;
    await swarm.lab.must('start', first);
    await agreed(HOSTS, new RegExp(`${first} Reachable`));
    assert.deepEqual(await running(), before);
  });

  test('the leader’s host loses its power: another one leads, and it comes back as one that follows', async () => {
    const first = await leader('ma');
    const others = HOSTS.filter((host) => host !== first);
    const [other = ''] = others;
    const goesOn = await underWay(first, others);
    await swarm.lab.must('kill', first);
    await write(other);
    assert.notEqual(await leader(other), first);
    await goesOn();
    await swarm.lab.must('start', first);
    await agreed(HOSTS, /Leader/);
  });

  test('the leader’s daemon is killed: another one leads, and it is taken back', async () => {
    const first = await leader('ma');
    const [other = ''] = HOSTS.filter((host) => host !== first);
    await swarm.lab.ssh(first, KILL_DAEMON);
    await write(other);
    assert.notEqual(await leader(other), first);
    await swarm.lab.must('start', first);
    await agreed(HOSTS, /^m. \w+; m. \w+; m. \w+$/);
    await swarm.converge('web', 6);
  });

  test('without more than half of the managers nothing is shown that may be old, and nothing changed', async () => {
    const first = await leader('ma');
    const others = HOSTS.filter((host) => host !== first);
    for (const host of others) await swarm.lab.must('kill', host);
    for (const command of [
      ['node', 'ls'],
      ['service', 'ls'],
      ['service', 'scale', '-d', 'web=7'],
    ]) {
      await eventually(`${command.join(' ')} is refused`, 10_000, async () =>
        NO_LEADER.test((await ask(first, ...command)).stderr),
      );
      const begun = performance.now();
      assert.match((await ask(first, ...command)).stderr, NO_LEADER);
      assert.ok(performance.now() - begun < 8_000, 'within 5 s, and the time that a command takes here');
    }
    assert.match(await swarm.lab.docker(first, 'info', '--format', '{{.Swarm.Error}}'), NO_LEADER);
    for (const host of others) await swarm.lab.must('start', host);
    await agreed(HOSTS, /Leader/, 30_000);
    await write(first);
    await swarm.converge('web', 6);
  });

  test('one of them founds the cluster anew, from what it knows', async () => {
    const [last, ...others] = HOSTS;
    const services = await swarm.lab.docker(last, 'service', 'ls', '-q');
    for (const host of others) await swarm.lab.must('kill', host);
    await eventually('there is no leader', 10_000, async () =>
      NO_LEADER.test((await ask(last, 'node', 'ls')).stderr),
    );
    const warned = await ask(last, 'swarm', 'leave');
    assert.match(
      warned.stderr,
      /You are attempting to leave the swarm on a node that is participating as a manager/,
    );
    const address = await swarm.lab.address(last);
    await swarm.lab.docker(last, 'swarm', 'init', '--force-new-cluster', '--advertise-addr', address);
    await agreed([last], new RegExp(`${last} Leader`));
    assert.equal(await swarm.lab.docker(last, 'service', 'ls', '-q'), services);
    await write(last);
    await swarm.converge('web', 6);
    // Those that come back are workers of it, and may become managers again.
    for (const host of others) await swarm.lab.must('start', host);
    await eventually(
      'they are workers',
      30_000,
      async () => {
        const said = await Promise.all(others.map((host) => ask(host, 'node', 'ls')));
        return said.every(({ stderr }) => /not a swarm manager/.test(stderr));
      },
      explain,
    );
    for (const host of others) {
      await eventually(`${host} is ready`, 20_000, async () => (await swarm.nodes())[host] === 'Ready');
      await swarm.lab.docker(last, 'node', 'promote', host);
      await agreed([last, host], new RegExp(`${host} Reachable`));
    }
  });

  test('one that leaves is none any more, and the others go on', async () => {
    const first = await leader('ma');
    const [gone = '', stays = ''] = HOSTS.filter((host) => host !== first);
    const warned = await ask(gone, 'swarm', 'leave');
    assert.equal(warned.code, 1);
    assert.match(warned.stderr, /Removing this node leaves 2 managers out of 3|lost consensus/);
    assert.equal((await ask(gone, 'swarm', 'leave', '--force')).stdout.trim(), 'Node left the swarm.');
    await agreed([first, stays], new RegExp(`${gone}(;|$)`));
    await write(stays);
    await swarm.lab.docker(stays, 'node', 'rm', '--force', gone);
    const token = await swarm.lab.docker(stays, 'swarm', 'join-token', '-q', 'manager');
    const at = `${await swarm.lab.address(stays)}:2377`;
    assert.equal(
      await swarm.lab.docker(gone, 'swarm', 'join', '--token', token, at),
      'This node joined a swarm as a manager.',
    );
    await agreed(HOSTS, new RegExp(`${gone} Reachable`));
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
