/** Hosts: scenario A, and what happens to a host's processes, data and network when it stops, dies or goes. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { access, mkdtemp, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { which } from '../../src/machine/exec.ts';
import { eventually, execute, Lab } from '../support/lab.ts';

// Beside another file on two busy cores.
const timeout = 300_000;

/** Keys of hosts that a run before has left when it was killed: none of this one's. */
let earlier: ReadonlySet<string>;

describe('lab hosts', { timeout }, () => {
  let lab: Lab;
  const [a, b, c] = ['va', 'vb', 'vc'];
  before(async () => {
    earlier = new Set(await keysHere());
    const started = performance.now();
    lab = await Lab.with(a, b, c);
    assert.ok(performance.now() - started < 30_000, 'three hosts take less than 10 s each');
  });
  after(() => lab[Symbol.asyncDispose]());

  const ip = (name: string): Promise<string> => lab.must('ip', name);
  const shell = (line: string) => execute('sh', ['-c', line], { ...process.env, ESSAIM_HOME: lab.home });
  const states = (): Promise<string> => lab.must('ls', '--format', '{{.Name}} {{.State}}{{.Errors}}');

  test('are listed with address, state and engine', async () => {
    const [heading, ...rows] = (await lab.must('ls')).split('\n');
    assert.match(heading!, /^NAME +ACTIVE +DRIVER +STATE +URL +SWARM +DOCKER +ERRORS$/);
    assert.equal(rows.length, 3);
    for (const row of rows)
      assert.match(row, /^v[abc] +- +lab +Running +tcp:\/\/192\.168\.99\.\d+:2376 +v\d+\.\d+/);
    assert.equal(await lab.must('ls', '-q'), [a, b, c].join('\n'));
    assert.equal(new Set(await Promise.all([a, b, c].map(ip))).size, 3);
    const inspected = JSON.parse(await lab.must('inspect', a)) as Record<string, unknown>;
    assert.equal(inspected.Address, await ip(a));
    assert.equal(inspected.State, 'Running');
  });

  test('env points docker at a host, which ls then shows as active', async () => {
    const script = `eval "$(bin/essaim machine env ${b})" && docker info --format '{{.Name}}' && bin/essaim machine ls`;
    const { stdout } = await execute('sh', ['-ec', script], { ...process.env, ESSAIM_HOME: lab.home });
    assert.match(stdout, /^vb\n/);
    assert.match(stdout, /^vb +\* /m);
    const undo = await lab.must('env', '--unset');
    assert.match(undo, /^unset DOCKER_HOST$/m);
  });

  test('ssh runs on the host, where docker is the Essaim daemon, and passes everything through', async () => {
    assert.equal(await lab.must('ssh', a, 'hostname'), a);
    assert.equal(
      await lab.must('ssh', a, 'docker', 'info', '--format', '{{.Name}} {{.OSType}}'),
      `${a} linux`,
    );
    assert.equal(await lab.must('ssh', a, 'echo one | tr a-z A-Z; echo "$HOSTNAME"'), `ONE\n${a}`);
    assert.equal(await lab.must('ssh', a, 'printf', '%s|', 'two words', '$HOME'), 'two words|$HOME|');
    assert.equal((await lab.machine('ssh', a, 'exit 7')).code, 7);
    assert.match((await lab.machine('ssh', a, 'ls', '/nonexistent')).stderr, /No such file/);
    // What comes late finds the program waiting.
    const cat = lab.spawn('ssh', a, 'echo ready; cat');
    assert.equal(String((await once(cat.stdout!, 'data'))[0]), 'ready\n');
    cat.stdin!.end('through stdin');
    assert.equal(String((await once(cat.stdout!, 'data'))[0]), 'through stdin');
    const terminal = await execute('script', ['-qec', `bin/essaim machine ssh ${a} tty`, '/dev/null'], {
      ...process.env,
      ESSAIM_HOME: lab.home,
    });
    assert.match(terminal.stdout, /^\/dev\/pts\/\d+/);
  });

  test('each has an engine of its own, with its own containers and identity', async () => {
    await lab.docker(a, 'run', '-d', '--name', 'mine', 'whoami');
    assert.equal(await lab.docker(b, 'ps', '-aq'), '');
    const ids = await Promise.all(
      [a, b, c].map((n) => lab.must('ssh', n, 'docker -H unix:///run/engine.sock info -f {{.ID}}')),
    );
    assert.equal(new Set(ids).size, 3);
    const reached = await lab.docker(a, 'run', '--rm', 'busybox', 'ping', '-c1', '-W2', await ip(b));
    assert.match(reached, /1 packets received/);
  });

  test('an idle host costs less than 200 MB', async () => {
    const { Pid } = JSON.parse(await lab.must('inspect', c)) as { Pid: number };
    const pids = await lab.must('ssh', c, 'ls -d /proc/[0-9]*');
    let kilobytes = 0;
    for (const path of pids.split('\n')) {
      const memory = await readFile(`/proc/${Pid}/root${path}/smaps_rollup`, 'utf8').catch(() => '');
      kilobytes += Number(/^Pss: +(\d+)/m.exec(memory)?.[1] ?? 0);
    }
    assert.ok(kilobytes > 10_000 && kilobytes < 200_000, `${kilobytes} kB`);
  });

  test('data survive stop and start', async () => {
    await lab.docker(
      b,
      'run',
      '--name',
      'writer',
      '-v',
      'data:/data',
      'busybox',
      'sh',
      '-c',
      'echo kept >/data/file',
    );
    await lab.must('stop', b);
    assert.match(await states(), /^vb Stopped$/m);
    assert.match((await lab.machine('env', b)).stderr, /"vb" is not running.*essaim machine start vb/);
    assert.equal((await lab.machine('ssh', b, 'true')).code, 1);
    await lab.must('start', b);
    assert.equal(
      await lab.docker(b, 'run', '--rm', '-v', 'data:/data', 'busybox', 'cat', '/data/file'),
      'kept',
    );
    assert.match(await lab.docker(b, 'ps', '-a', '--format', '{{.Names}}'), /writer/);
  });

  test('a killed host is silent, none of its processes is left, and it comes back', async () => {
    await lab.docker(a, 'run', '-d', '--name', 'alive', '--restart', 'no', 'whoami');
    const connect = `busybox nc -w 1 ${await ip(a)} 7 </dev/null`;
    assert.match((await lab.machine('ssh', b, connect)).stderr, /refused/);
    assert.notDeepEqual(await processesOf(lab, a), []);
    await lab.must('kill', a);
    assert.deepEqual(await processesOf(lab, a), []);
    assert.doesNotMatch((await lab.machine('ssh', b, connect)).stderr, /refused/);
    assert.match(await states(), /^va Stopped$/m);
    await lab.must('start', a);
    assert.match(await states(), /^va Running$/m);
    assert.match(await lab.docker(a, 'ps', '-a', '--format', '{{.Names}} {{.State}}'), /alive exited/);
    assert.match((await lab.machine('ssh', b, connect)).stderr, /refused/);
  });

  test('start repairs a host whose engine or daemon has died', async () => {
    for (const part of ['engine', 'essaim']) {
      await lab.must('ssh', c, `kill -KILL $(cut -d' ' -f1 /run/${part}.process)`);
      await eventually('the state tells', 5_000, async () =>
        /^vc Error.* does not run$/m.test(await states()),
      );
      await lab.must('start', c);
      assert.match(await states(), /^vc Running$/m);
    }
  });

  test('a host can be cut off and connected again', async () => {
    const ping = `busybox ping -c1 -W1 ${await ip(c)}`;
    await lab.must('link', c, 'down');
    assert.equal((await lab.machine('ssh', b, ping)).code, 1);
    assert.match(await states(), /^vc Error.*cut off/m);
    await lab.must('link', c, 'up');
    await eventually('an answer', 5_000, async () => (await lab.machine('ssh', b, ping)).code === 0);
  });

  test('mistakes are answered with what to do, and an exit code', async () => {
    const mistakes: [string[], RegExp][] = [
      [['ip', 'nope'], /Machine "nope" does not exist\. Use "essaim machine ls"/],
      [['create', '-d', 'lab', a], /Machine "va" already exists/],
      [['create', '-d', 'vax', 'x'], /Driver "vax" does not exist here\. lab: .*\n.*ssh: /],
      [['create', 'a/b'], /Invalid machine name "a\/b"/],
      [['create'], /missing required argument/],
      [['create', '--engine-path', 'docs', 'x'], /docs holds no dockerd, .*docker-proxy/],
      [['create', '--engine-opt', '--debug', 'x'], /Invalid value "--debug" of --engine-opt/],
      [['rm', a], /Nobody has answered, and nothing was removed: -y says yes/],
      [['rm', '-y', 'nope'], /^Error removing host "nope": Machine "nope" does not exist/],
      [['load', a, 'nope.tar'], /There is no file nope\.tar/],
      [['load', a, 'package.json'], /package\.json/],
      [['link', a, 'sideways'], /"up" or "down"/],
      [['frobnicate'], /unknown command 'frobnicate'/],
    ];
    for (const [args, words] of mistakes) {
      const { code, stderr } = await lab.machine(...args);
      assert.equal(code, 1, args.join(' '));
      assert.match(stderr, words);
      assert.doesNotMatch(stderr, /\n +at /);
    }
    const script = 'setpriv --reuid=65534 --regid=65534 --clear-groups bin/essaim machine create x';
    const { code, stderr } = await execute('sh', ['-c', script], { ...process.env, ESSAIM_HOME: lab.home });
    assert.equal(code, 1);
    assert.match(stderr, /you are not root: use sudo/);
  });

  test('a host runs the engine of a folder, with flags, also after it was switched off', async () => {
    const folder = await mkdtemp('/var/tmp/essaim-engine-');
    try {
      const programs = [
        'dockerd',
        'containerd',
        'containerd-shim-runc-v2',
        'runc',
        'docker-proxy',
        'docker-init',
      ];
      for (const program of programs) await symlink((await which(program))!, join(folder, program));
      const given = ['--engine-path', relative(process.cwd(), folder), '--engine-opt', 'label=rack=7'];
      await lab.must('create', ...given, 'vd');
      const own = async (): Promise<void> => {
        const inspected = JSON.parse(await lab.must('inspect', 'vd')) as Record<string, unknown>;
        assert.equal(inspected.EnginePath, folder);
        const flags = ['inspect', '-f', '{{json .HostOptions.EngineOptions.ArbitraryFlags}}', 'vd'];
        assert.equal(await lab.must(...flags), '["label=rack=7"]');
        assert.equal(await lab.must('ssh', 'vd', 'command -v runc'), join(folder, 'runc'));
        const found = `tr '\\0' '\\n' </proc/$(cut -d' ' -f1 /run/engine.process)/environ | grep ^PATH=`;
        assert.match(await lab.must('ssh', 'vd', found), new RegExp(`^PATH=${folder}:`));
        const engine = 'docker -H unix:///run/engine.sock info -f {{.Labels}}';
        assert.equal(await lab.must('ssh', 'vd', engine), '[rack=7]');
      };
      await own();
      await lab.must('stop', 'vd');
      await rename(join(folder, 'runc'), join(folder, 'away'));
      assert.match((await lab.machine('start', 'vd')).stderr, /holds no runc: /);
      await rename(join(folder, 'away'), join(folder, 'runc'));
      await lab.must('start', 'vd');
      await own();
      await lab.must('rm', '-f', 'vd');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('a create that was killed half way is taken up by the next, or removed', async () => {
    for (const next of ['create', 'rm']) {
      const create = lab.spawn('create', 'half');
      const exited = once(create, 'exit');
      const record = join(lab.home, 'machines/half/init');
      await eventually('a half made host', 10_000, () =>
        access(record).then(
          () => true,
          () => false,
        ),
      );
      create.kill('SIGKILL');
      await exited;
      assert.match(await states(), /^half Error.*not finished/m);
      if (next === 'create') await lab.must('create', 'half');
      await lab.must('rm', '-f', 'half');
      assert.deepEqual(await traces(lab, 'half'), []);
    }
  });

  test('rm asks, -y answers, and a host that runs goes as well', async () => {
    const said = (verdict: string) => `About to remove vc
WARNING: This action will delete both local reference and remote instance.
${verdict}`;
    for (const answer of ['no', '']) {
      const { code, stdout } = await shell(`echo ${answer} | bin/essaim machine rm vc`);
      assert.deepEqual([code, stdout], [0, said('Are you sure? (y/n): ')]);
    }
    assert.match(await states(), /^vc Running/m);
    const sure = await shell('echo Yes | bin/essaim machine rm vc');
    assert.equal(sure.stdout, said('Are you sure? (y/n): Successfully removed vc\n'), sure.stderr);
    assert.deepEqual(await traces(lab, c), []);
    await lab.must('create', c);
    // Who is not there keeps nobody else.
    const two = await lab.machine('rm', '-y', 'nope', c);
    assert.equal(two.code, 1);
    assert.match(two.stdout, /^About to remove nope, vc\nWARNING: .*\nSuccessfully removed vc\n$/);
    assert.match(two.stderr, /^Error removing host "nope": Machine "nope" does not exist/);
    assert.deepEqual(await traces(lab, c), []);
    await lab.must('create', c);
  });

  test('rm -f leaves nothing behind', async () => {
    assert.notDeepEqual(await traces(lab, a), []);
    // Also when two do it at once: one is told that it is done.
    const twice = await Promise.all([1, 2].map(() => lab.machine('rm', '-f', a, b, c)));
    const removed = twice.flatMap(({ stdout }) => stdout.match(/^Successfully removed .*$/gm) ?? []);
    assert.deepEqual(
      removed.sort(),
      [a, b, c].sort().map((name) => `Successfully removed ${name}`),
    );
    for (const { code, stderr } of twice) {
      assert.equal(code, 0);
      assert.match(stderr, /^(Error removing host "v[a-c]": Machine "v[a-c]" does not exist\. .*\n)*$/);
    }
    for (const name of [a, b, c]) assert.deepEqual(await traces(lab, name), []);
    assert.equal(await lab.must('ls', '-q'), '');
  });
});

/** What hosts are called by in control groups and namespaces of the network: `NAME-NUMBER`. */
const KEY = /\bessaim[/-]([\w.-]+-\d+)/;
const keyIn = (text: string): string | undefined => KEY.exec(text)?.[1];

async function groups(): Promise<string[]> {
  const { stdout } = await execute('find', ['/sys/fs/cgroup', '-path', '*/essaim/*-*'], process.env);
  return stdout.split('\n').filter((line) => line !== '');
}

const namespaces = (): Promise<string[]> => readdir('/run/netns').catch(() => []);

async function keysHere(): Promise<string[]> {
  const names = [...(await groups()), ...(await namespaces())];
  return names.flatMap((name) => keyIn(name) ?? []);
}

/** Whether a control group or a namespace belongs to a host of that name, and of this run. */
function belongs(text: string, name: string): boolean {
  const key = keyIn(text);
  return key?.replace(/-\d+$/, '') === name && !earlier.has(key);
}

/** Command lines of processes whose control groups or arguments belong to the host. */
async function processesOf(lab: Lab, name: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const told = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    const ours =
      line.includes(join(lab.home, 'machines', name)) ||
      told.split('\n').some((group) => belongs(group, name));
    if (ours && line !== '') found.push(line.replaceAll('\0', ' '));
  }
  return found;
}

/** Everything on this system that bears the host's name. */
async function traces(lab: Lab, name: string): Promise<string[]> {
  const directory = join(lab.home, 'machines', name);
  const { stdout: links } = await execute('ip', ['link'], process.env);
  const mounts = await readFile('/proc/mounts', 'utf8');
  const named = [...(await groups()), ...(await namespaces())];
  return [
    ...(await processesOf(lab, name)),
    ...named.filter((text) => belongs(text, name)),
    ...links.split('\n').filter((line) => line.endsWith(`alias ${directory}`)),
    ...mounts.split('\n').filter((line) => line.includes(directory)),
    ...(await readdir(directory).catch(() => [])),
  ];
}
