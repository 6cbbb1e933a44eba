/** Servers that become Essaim hosts: from nothing, as another user, and whatever goes wrong on the way. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { run } from '../../../src/machine/exec.ts';
import { type Server, Servers } from '../../support/servers.ts';

const timeout = 600_000;

/** What nobody may find after a create that has failed, or a removal. */
const TRACES =
  'ls -d /opt/essaim/release /opt/essaim/releases /etc/essaim /var/lib/essaim /etc/default/essaim /usr/local/bin/essaim /etc/profile.d/essaim.sh /etc/systemd/system/essaim.service';

describe('a server that has no engine', { timeout }, () => {
  let servers: Servers;
  let fresh: Server;
  before(async () => {
    servers = await Servers.create();
    fresh = await servers.add('fresh');
    // One who may become root, and one who may not.
    await fresh.must(`useradd -m -s /bin/bash admin; useradd -m -s /bin/bash guest
      echo 'admin ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/admin
      for who in admin guest; do cp -r /root/.ssh /home/$who/; chown -R $who /home/$who/.ssh; done
      echo 'echo TODAY=monday, and welcome' >/home/admin/.bashrc`);
  });
  after(() => servers[Symbol.asyncDispose]());
  const create = (...more: string[]) => servers.essaim('machine', 'create', ...servers.at(fresh), ...more);

  test('is left alone when what is asked for cannot be', async () => {
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(servers.home, 'other')]);
    await writeFile(join(servers.home, 'torn'), 'no key\n', { mode: 0o600 });
    const key = (name: string) => ['--ssh-key', join(servers.home, name)];
    const cases: [string[], RegExp][] = [
      [
        [...key('other'), 'x'],
        /root@192\.168\.96\.\d+:22 cannot be reached by ssh: .*Permission denied.*ssh-copy-id/s,
      ],
      [[...key('torn'), 'x'], /Look at the file of --ssh-key/],
      [[...key('nothing'), 'x'], /There is no readable key .*nothing/],
      [['--ssh-user', 'guest', 'x'], /guest cannot become root on .* without a password.*sudoers/s],
      [['--ssh-port', '2222', 'x'], /cannot be reached by ssh: .*Connection refused/],
      [['--ssh-port', '0', 'x'], /"0" is no port/],
      [['--ssh-user', 'a b', 'x'], /"a b" is no name of a user/],
      [['x', 'y'], /2 names and 1 hosts/],
      [['--ssh-host', fresh.address, 'x', 'y'], /--ssh-host \S+:22 is given twice/],
      [['--engine-path', '/opt', 'x'], /--engine-path is for the driver lab/],
      [
        ['--engine-label', 'storage', 'x'],
        /Invalid value "storage" of --engine-label: give a key and its value/,
      ],
      [['--engine-env', '1=2', 'x'], /Invalid value "1=2" of --engine-env/],
      [['--engine-registry-mirror', 'x', 'x'], /Invalid value "x" of --engine-registry-mirror: give a URL/],
      [['--engine-insecure-registry', 'http://x/y', 'x'], /of --engine-insecure-registry/],
      [['--swarm', 'x'], /--swarm needs --swarm-discovery/],
      [['--swarm', '--swarm-discovery', 'zk://a', 'x'], /ZooKeeper is not supported/],
      [['--swarm', '--swarm-discovery', 'consul://10.0.0.1:8500', 'x'], /No machine here is the master/],
      [['--swarm-strategy', 'best', 'x'], /--swarm-strategy best: use .*binpack/],
      [['--swarm-opt', 'replication', 'x'], /no such option/],
    ];
    for (const [args, words] of cases) {
      const { code, stderr } = await create(...args);
      assert.equal(code, 1, args.join(' '));
      assert.match(stderr, words, args.join(' '));
      assert.doesNotMatch(stderr, /\n +at /);
    }
    assert.equal((await fresh.run(TRACES)).stdout, '');
    assert.equal(await servers.must('machine', 'ls', '-q'), '');
  });

  test('whose port is taken, or that is short of something, is named with all that is in the way', async () => {
    await fresh.must('mv /usr/bin/apt-get /usr/bin/apt-got');
    const listen = 'push @kept, IO::Socket::INET->new(LocalPort => 2376, Listen => 1); sleep 600';
    await fresh.must(`setsid perl -MIO::Socket::INET -e '${listen}' >/dev/null 2>&1 </dev/null &
      until grep -q ':0948 ' /proc/net/tcp; do sleep 0.1; done`);
    const { code, stderr } = await create('x');
    assert.equal(code, 1);
    assert.match(stderr, /cannot become an Essaim host, and nothing was changed:/);
    assert.match(stderr, /- dockerd, .*is missing, and no package manager/);
    assert.match(stderr, /- port 2376 is taken by perl \(process \d+\): Essaim serves there/);
    assert.equal((await fresh.run(TRACES)).stdout, '');
    await fresh.must('mv /usr/bin/apt-got /usr/bin/apt-get; pkill perl');
  });

  test('without a way out it stays as it was, with the words of the package manager', async () => {
    await fresh.must("cp /etc/resolv.conf /root/resolv; echo 'nameserver 127.0.0.1' >/etc/resolv.conf");
    const { code, stdout, stderr } = await create('--ssh-user', 'admin', 'fresh');
    assert.equal(code, 1);
    assert.match(stdout, /installing Docker Engine and what is missing by apt-get/);
    assert.match(
      stderr,
      /fresh: installing dockerd, .* has failed:\n.*(resolv|Unable to locate|Failed to fetch)/s,
    );
    assert.match(stderr, /Essaim was taken off the host again; packages that were installed stay/);
    assert.equal((await fresh.run(TRACES)).stdout, '');
    assert.equal(await servers.must('machine', 'ls', '-q'), '');
    await fresh.must('cat /root/resolv >/etc/resolv.conf');
  });

  test('gets one, and Essaim, by a user who may use sudo', async () => {
    const said = await servers.must(
      'machine',
      'create',
      ...servers.at(fresh),
      '--ssh-user',
      'admin',
      '--engine-opt',
      'log-level=warn',
      'fresh',
    );
    assert.match(said, /no Docker Engine$/m);
    assert.match(said, /Docker Engine 20\.10\S* runs$/m);
    assert.match(await servers.must('machine', 'ls'), /^fresh +- +ssh +Running .* v20\.10/m);
    assert.match(await fresh.must('ps -o args= -C dockerd'), /--log-level=warn/);
    assert.equal(await servers.must('machine', 'ssh', 'fresh', 'whoami'), 'TODAY=monday, and welcome\nadmin');
    assert.match((await create('twin')).stderr, /is the machine "fresh" already/);
    assert.equal(await servers.must('machine', 'ls', '-q'), 'fresh');
    const { stdout } = await servers.shell(
      `eval "$(docker-machine env fresh)"; docker swarm init --advertise-addr ${fresh.address} >/dev/null; docker node ls --format '{{.Hostname}} {{.Status}}'`,
    );
    assert.equal(stdout, 'fresh Ready\n');
  });

  test('a host with another key is refused', async () => {
    const file = '/etc/ssh/ssh_host_ed25519_key';
    await fresh.must(
      `cp ${file} /root/hostkey; rm -f ${file} ${file}.pub; ssh-keygen -q -t ed25519 -N '' -f ${file}; systemctl restart ssh`,
    );
    await servers.shell(
      'for s in /tmp/essaim-ssh-*; do ssh -o ControlPath=$s -O exit x 2>/dev/null || :; done',
    );
    const { code, stderr } = await servers.essaim('machine', 'provision', 'fresh');
    assert.equal(code, 1);
    assert.match(stderr, /the host key of admin@192\.168\.96\.\d+:22 is not the one that it had/);
    assert.match(
      (await servers.essaim('machine', 'ssh', 'fresh', 'true')).stderr,
      /HAS CHANGED|verification failed/,
    );
    await fresh.must(`cp /root/hostkey ${file}; systemctl restart ssh`);
    await servers.must('machine', 'provision', 'fresh');
  });

  test('repairs what was broken there', async () => {
    await fresh.must(
      'systemctl stop essaim; rm -rf /etc/essaim /opt/essaim/current /etc/systemd/system/essaim.service',
    );
    assert.match(await servers.must('machine', 'ls'), /^fresh +- +ssh +Stopped/m);
    await fresh.must('rm -f /opt/essaim/release');
    await servers.must('machine', 'provision', 'fresh');
    assert.match(await servers.must('machine', 'ls'), /^fresh +- +ssh +Running/m);
    assert.match(
      await servers.must('machine', 'ssh', 'fresh', 'sudo docker -H unix:///run/essaim/docker.sock node ls'),
      /fresh +Ready/,
    );
  });

  test('new certificates, stop, start, and a switched-off host', async () => {
    const end = await servers.must(
      'machine',
      'inspect',
      '-f',
      '{{.HostOptions.AuthOptions.ServerCertPath}}',
      'fresh',
    );
    const serial = () => run('openssl', ['x509', '-noout', '-serial', '-in', end]);
    const before = await serial();
    await servers.must('machine', 'regenerate-certs', '-f', 'fresh');
    assert.notEqual(await serial(), before);
    await servers.must('machine', 'stop', 'fresh');
    assert.equal(await servers.must('machine', 'status', 'fresh'), 'Stopped');
    await servers.must('machine', 'start', 'fresh');
    assert.equal(await servers.must('machine', 'status', 'fresh'), 'Running');
    assert.match((await servers.essaim('machine', 'kill', 'fresh')).stderr, /host of your own/);
    await fresh.link(false);
    const begun = performance.now();
    assert.match(await servers.must('machine', 'ls', '-t', '2'), /^fresh +- +ssh +Timeout/m);
    assert.ok(performance.now() - begun < 15_000);
    assert.match(
      (await servers.essaim('machine', 'ls', '-t', '0')).stderr,
      /of --timeout: give a number of seconds/,
    );
    const { stdout } = await servers.essaim('machine', 'ls', '-t', '120');
    assert.match(stdout, /^fresh +- +ssh +Error .*cannot be reached by ssh/m);
    const kept = await servers.essaim('machine', 'rm', '-y', 'fresh');
    assert.match(kept.stderr, /^Error removing host "fresh": .*cannot be reached by ssh/);
    assert.match(
      kept.stderr,
      /With -f the machine is forgotten here, and what is left of Essaim stays on the/,
    );
    await fresh.link(true);
    assert.match(await servers.must('machine', 'rm', '-f', 'fresh'), /Docker Engine and its containers stay/);
    assert.equal((await fresh.run(TRACES)).stdout, '');
  });

  test('a connection that is lost half way: it is said, and the same command finishes it', async () => {
    const child = spawn('bin/essaim', ['machine', 'create', ...servers.at(fresh), 'fresh'], {
      env: { ...process.env, ESSAIM_HOME: servers.home },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [said, complaint] = ['', ''];
    child.stderr!.on('data', (chunk: Buffer) => {
      complaint += chunk;
    });
    const cut = new Promise<void>((resolve) => {
      child.stdout!.on('data', (chunk: Buffer) => {
        said += chunk;
        if (/sending Essaim/.test(said)) resolve();
      });
    });
    const ended = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 255)));
    await Promise.race([cut, ended]);
    await fresh.link(false);
    assert.equal(await ended, 1);
    assert.match(
      complaint,
      /cannot be reached any more. What was begun is finished by the same "essaim machine create"/,
    );
    assert.match(await servers.must('machine', 'ls'), /^fresh .*Error .*not finished/m);
    await fresh.link(true);
    await servers.must('machine', 'create', ...servers.at(fresh), 'fresh');
    assert.equal(await servers.must('machine', 'status', 'fresh'), 'Running');
    await servers.must('machine', 'rm', '-y', 'fresh');
  });
});

describe('a server without systemd', { timeout }, () => {
  test('has Essaim kept running by a script', async () => {
    await using servers = await Servers.create();
    const plain = await servers.add('plain', { engine: true, init: 'plain' });
    await servers.must('machine', 'create', ...servers.at(plain), 'plain');
    const { stdout } = await servers.shell(
      `eval "$(essaim machine env plain)"; docker swarm init --advertise-addr ${plain.address} >/dev/null; docker node ls --format '{{.Status}}'`,
    );
    assert.equal(stdout, 'Ready\n');
    // A daemon that dies is started again.
    await plain.must('kill -KILL $(cat /run/essaim-daemon.pid)');
    await servers.shell(
      'for i in $(seq 60); do [ "$(essaim machine status plain)" = Running ] && exit; sleep 1; done; exit 1',
    );
    assert.equal(await servers.must('machine', 'status', 'plain'), 'Running');
    await servers.must('machine', 'restart', 'plain');
    assert.equal(await servers.must('machine', 'status', 'plain'), 'Running');
    await servers.must('machine', 'rm', '-f', 'plain');
    assert.equal((await plain.run(TRACES)).stdout, '');
    assert.equal((await plain.run('pgrep -f "[o]pt/essaim"')).stdout, '');
  });
});
