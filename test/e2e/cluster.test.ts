/** A cluster and its nodes: scenario B, what is refused, loss and return of hosts and daemons. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../support/lab.ts';
import { CLIS, Swarm } from '../support/swarm.ts';

describe('a cluster', { timeout: 300_000 }, () => {
  let swarm: Swarm;
  before(async () => {
    swarm = await Swarm.on('ca', 'cb', 'cc');
  });
  after(() => swarm?.[Symbol.asyncDispose]());
  const on = (host: string, args: string[], cli?: string) => swarm.lab.tryDocker(host, args, cli);

  for (const cli of CLIS) {
    test(`node ls shows three nodes, their manager and the own one (${cli})`, async () => {
      const { stdout } = await on('ca', ['node', 'ls'], cli);
      const rows = stdout.trim().split('\n').slice(1);
      assert.equal(rows.length, 3);
      // A word of its own: ids are random and may contain a host's name.
      const row = (host: string) => rows.find((text) => text.split(/ +/).includes(host)) ?? '';
      const engine = await swarm.docker('version', '--format', '{{.Server.Version}}');
      assert.match(row('ca'), / \* +ca +Ready +Active +Leader /);
      for (const host of ['cb', 'cc']) assert.match(row(host), new RegExp(` ${host} +Ready +Active `));
      for (const text of rows) assert.ok(text.trimEnd().endsWith(` ${engine}`), text);
    });

    test(`workers and outsiders are told where to go (${cli})`, async () => {
      const { code, stderr } = await on('cb', ['node', 'ls'], cli);
      assert.equal(code, 1);
      assert.match(stderr, /This node is not a swarm manager\. Worker nodes can't be used to view or modify/);
    });
  }

  test('info tells role, manager and nodes', async () => {
    const format =
      '{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}} {{.Swarm.Nodes}} {{.Swarm.Managers}}';
    assert.equal(await swarm.docker('info', '--format', format), 'active true 3 1');
    assert.equal(await swarm.lab.docker('cb', 'info', '--format', format), 'active false 0 0');
    const managers = '{{range .Swarm.RemoteManagers}}{{.Addr}}{{end}}';
    assert.equal(
      await swarm.lab.docker('cb', 'info', '--format', managers),
      `${await swarm.lab.address('ca')}:2377`,
    );
  });

  test('join tokens: wrong, truncated, of another cluster, rotated', async () => {
    const address = `${await swarm.lab.address('ca')}:2377`;
    await swarm.lab.docker('cc', 'swarm', 'leave');
    await swarm.nodeBecomes('cc', 'Down', 10_000);
    const join = async (token: string) =>
      (await on('cc', ['swarm', 'join', '--token', token, address])).stderr.trim();
    const token = await swarm.docker('swarm', 'join-token', '-q', 'worker');
    const manager = await swarm.docker('swarm', 'join-token', '-q', 'manager');
    assert.match(token, /^SWMTKN-1-[0-9a-z]{50}-[0-9a-z]{25}$/);
    const refused =
      'rpc error: code = InvalidArgument desc = A valid join token is necessary to join this cluster';
    assert.equal(await join(`${token.slice(0, -5)}aaaaa`), `Error response from daemon: ${refused}`);
    assert.equal(await join(token.slice(0, -2)), 'Error response from daemon: invalid join token');
    const foreign = token.replace(/-1-[0-9a-z]{50}/, `-1-${'1'.repeat(50)}`);
    assert.match(await join(foreign), /remote CA does not match fingerprint\. Expected: [0-9a-f]{64}$/);
    const rotated = await swarm.docker('swarm', 'join-token', '-q', '--rotate', 'worker');
    assert.notEqual(rotated, token);
    assert.equal(await join(token), `Error response from daemon: ${refused}`);
    assert.equal(await swarm.docker('swarm', 'join-token', '-q', 'manager'), manager);
    assert.match(
      (await on('cc', ['swarm', 'join', '--token', rotated, 'localhost:1'])).stderr,
      /rpc error: code = Unavailable .*connection refused/,
    );
    assert.equal(await join(rotated), '');
    await eventually('cc is back', 10_000, async () =>
      (await swarm.docker('node', 'ls', '--format', '{{.Hostname}} {{.Status}}')).includes('cc Ready'),
    );
    const down = (await swarm.docker('node', 'ls', '--format', '{{.ID}} {{.Status}}'))
      .split('\n')
      .filter((row) => row.endsWith('Down'));
    assert.equal(down.length, 1);
    const id = down[0]!.split(' ')[0]!;
    assert.equal(await swarm.docker('node', 'rm', id), id);
  });

  test('second init, second join, leave of the last manager', async () => {
    const already =
      /This node is already part of a swarm\. Use "docker swarm leave" to leave this swarm and join/;
    assert.match((await on('ca', ['swarm', 'init'])).stderr, already);
    assert.match((await on('cb', ['swarm', 'init'])).stderr, already);
    assert.match(
      (await on('ca', ['swarm', 'leave'])).stderr,
      /Removing the last manager erases all current state/,
    );
    assert.equal((await swarm.nodes()).ca, 'Ready');
  });

  test('nodes: labels, availability, role, inspect, removal of a live one', async () => {
    await swarm.docker('node', 'update', '--label-add', 'disk=ssd', '--availability', 'pause', 'cb');
    const format = '{{.Spec.Labels.disk}} {{.Spec.Availability}} {{.Description.Hostname}} {{.Status.State}}';
    assert.equal(await swarm.docker('node', 'inspect', '--format', format, 'cb'), 'ssd pause cb ready');
    assert.match(await swarm.docker('node', 'inspect', '--pretty', 'cb'), /Labels:\n - disk=ssd/);
    await swarm.docker('node', 'update', '--label-rm', 'disk', '--availability', 'active', 'cb');
    const alive = await on('ca', ['node', 'rm', 'cb']);
    assert.match(alive.stderr, /is not down and can't be removed/);
  });

  test('certificates: a new root reaches every node while all goes on', async () => {
    const before = await swarm.docker('swarm', 'ca');
    const service = ['service', 'create', '-d', '--name', 'steady', '--replicas', '3', 'whoami'];
    await swarm.docker(...service);
    const steady = await swarm.converge('steady', 3);
    const rotated = await on('ca', ['swarm', 'ca', '--rotate', '--quiet']);
    assert.equal(rotated.code, 0, rotated.stderr);
    const now = await swarm.docker('swarm', 'ca');
    assert.notEqual(now, before);
    assert.deepEqual(await swarm.nodes(), { ca: 'Ready', cb: 'Ready', cc: 'Ready' });
    const names = (rows: Array<{ name: string; node: string }>) =>
      rows.map(({ name, node }) => `${name}@${node}`);
    assert.deepEqual(names(await swarm.running('steady')), names(steady));
    await swarm.docker('service', 'rm', 'steady');
  });

  test('a host that loses its power is Down within 4 s, and its tasks run elsewhere within 5 s', async () => {
    await swarm.docker('service', 'create', '-d', '--name', 'web', '--replicas', '6', 'whoami');
    await swarm.converge('web', 6);
    const lost = (await swarm.running('web')).filter(({ node }) => node === 'cc');
    assert.equal(lost.length, 2);
    const started = performance.now();
    await swarm.lab.must('kill', 'cc');
    await swarm.nodeBecomes('cc', 'Down', 15_000);
    const down = performance.now() - started;
    await eventually('six tasks on the other hosts', 15_000, async () => {
      const rows = await swarm.running('web');
      return rows.length === 6 && rows.every(({ node }) => node !== 'cc');
    });
    const replaced = performance.now() - started;
    console.log(`down after ${Math.round(down)} ms, replaced after ${Math.round(replaced)} ms`);
    for (const cli of CLIS) {
      const replicas = ['service', 'ls', '--format', '{{.Replicas}}', '--filter', 'name=web'];
      assert.equal(await swarm.with(cli, ...replicas), '6/6');
      const running = ['--filter', 'desired-state=running', '--format', '{{.Node}}', 'web'];
      assert.doesNotMatch(await swarm.with(cli, 'service', 'ps', ...running), /cc/);
      const nodes = await swarm.with(cli, 'node', 'ls', '--format', '{{.Hostname}} {{.Status}}');
      assert.match(nodes, /^cc Down$/m);
    }

    await swarm.lab.must('start', 'cc');
    await swarm.nodeBecomes('cc', 'Ready', 15_000);
    await eventually(
      'leftovers are gone',
      15_000,
      async () => (await swarm.containers('cc', 'web')).length === 0,
    );
    assert.equal((await swarm.running('web')).length, 6);
  });

  test('a host whose engine has died gets no tasks; later it is Down and those it had run elsewhere', async () => {
    await swarm.docker('swarm', 'update', '--dispatcher-heartbeat', '1s');
    await swarm.converge('web', 6);
    await swarm.lab.ssh('cb', 'kill -9 $(cut -d" " -f1 /run/engine.process)');
    await swarm.nodeBecomes('cb', 'Unknown', 5_000);
    await swarm.docker('service', 'scale', '-d', 'web=8');
    const rows = await swarm.converge('web', 8);
    assert.equal(rows.filter(({ node }) => node === 'cb').length, 3, 'those it had may well run');
    await swarm.nodeBecomes('cb', 'Down', 30_000);
    await eventually('eight tasks on the other hosts', 15_000, async () => {
      const running = await swarm.running('web');
      return running.length === 8 && running.every(({ node }) => node !== 'cb');
    });
    await swarm.lab.must('start', 'cb');
    await swarm.nodeBecomes('cb', 'Ready', 15_000);
    await eventually('leftovers are gone', 15_000, async () => {
      const left = await swarm.containers('cb', 'web');
      return left.length === 0;
    });
    await swarm.docker('service', 'scale', '-d', 'web=6');
    await eventually('six containers are left', 15_000, async () => {
      const left = await Promise.all(swarm.hosts.map((host) => swarm.containers(host, 'web')));
      return left.flat().length === 6;
    });
  });

  test('a manager that is away for longer than a host may be restarts nothing; killed daemons adopt what runs', async () => {
    const ids = async () => {
      const all = await Promise.all(
        swarm.hosts.map((host) => swarm.lab.docker(host, 'ps', '-q', '--no-trunc')),
      );
      return all.join('\n').split('\n').sort();
    };
    await swarm.converge('web', 6);
    const before = await ids();
    for (const host of swarm.hosts)
      await swarm.lab.ssh(host, 'kill -9 $(cut -d" " -f1 /run/essaim.process | head -1)');
    // The hosts' connections still answer: none of them is lost.
    await swarm.lab.must('start', 'cb', 'cc');
    // Twelve heartbeats of a second, and some.
    await new Promise((resolve) => setTimeout(resolve, 15_000));
    await swarm.lab.must('start', 'ca');
    await eventually('the nodes are Ready', 30_000, async () =>
      Object.values(await swarm.nodes()).every((status) => status === 'Ready'),
    );
    await swarm.converge('web', 6);
    assert.deepEqual(await ids(), before);
    await swarm.docker('swarm', 'update', '--dispatcher-heartbeat', '5s');
  });

  test('a removed node is locked out', async () => {
    await swarm.docker('node', 'rm', '-f', 'cb');
    await eventually('cb is gone', 5_000, async () => !('cb' in (await swarm.nodes())));
    await swarm.converge('web', 6);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    assert.ok(!('cb' in (await swarm.nodes())), 'it does not come back');
  });

  test('a manager that founds its cluster anew keeps it, and nothing restarts', async () => {
    const ids = () => swarm.containers('ca', 'kept');
    await swarm.docker(
      'service',
      'create',
      '-d',
      '--name',
      'kept',
      '--constraint',
      'node.hostname==ca',
      'whoami',
    );
    await eventually('its container', 30_000, async () => (await ids()).length === 1);
    const before = await ids();
    const ip = await swarm.lab.address('ca');
    await swarm.docker('swarm', 'init', '--force-new-cluster', '--advertise-addr', `${ip}:2377`);
    const row = await swarm.docker('service', 'ls', '--format', '{{.Name}} {{.Replicas}}');
    assert.match(row, /kept 1\/1/);
    assert.deepEqual(await ids(), before);
    assert.equal((await swarm.nodes()).ca, 'Ready');
    await swarm.docker('service', 'rm', 'kept');
  });

  test('init and leave, again and again, leave nothing behind', async () => {
    await swarm.lab.docker('cb', 'swarm', 'leave', '--force');
    for (let round = 0; round < 3; round++) {
      await swarm.lab.docker('cb', 'swarm', 'init');
      await swarm.lab.docker('cb', 'service', 'create', '-d', '--name', 'x', '--replicas', '2', 'whoami');
      await eventually(
        'two containers',
        30_000,
        async () => (await swarm.containers('cb', 'x')).length === 2,
      );
      await swarm.lab.docker('cb', 'swarm', 'leave', '--force');
      assert.equal(await swarm.lab.docker('cb', 'ps', '-aq'), '');
      assert.equal(await swarm.lab.docker('cb', 'info', '--format', '{{.Swarm.LocalNodeState}}'), 'inactive');
      const left = await swarm.lab.ssh('cb', 'ls /var/lib/essaim/daemon 2>/dev/null; true');
      assert.doesNotMatch(left, /swarm/);
    }
  });

  test('a join that nobody answers goes on until it is called off, or the daemon ends', async () => {
    const state = () => swarm.lab.docker('cb', 'info', '--format', '{{.Swarm.LocalNodeState}}');
    // Its packets are dropped: it neither answers nor refuses.
    const nowhere = '192.168.99.1:1';
    const drop = (action: string) =>
      swarm.lab.ssh('cb', `iptables ${action} OUTPUT -p tcp -d 192.168.99.1 --dport 1 -j DROP`);
    await drop('-A');
    try {
      const join = () => on('cb', ['swarm', 'join', '--token', token, nowhere]);
      const token = await swarm.docker('swarm', 'join-token', '-q', 'worker');
      assert.match((await join()).stderr, /Timeout was reached before node joined/);
      assert.equal(await state(), 'pending');
      await swarm.lab.docker('cb', 'swarm', 'leave', '--force');
      assert.equal(await state(), 'inactive');
      const second = join();
      await eventually('the second join', 10_000, async () => (await state()) === 'pending');
      await swarm.lab.ssh('cb', 'kill -9 $(cut -d" " -f1 /run/essaim.process | head -1)');
      await second;
      await swarm.lab.must('start', 'cb');
      assert.equal(await state(), 'inactive');
    } finally {
      await drop('-D');
    }
  });
});
