/** A swarm that loses its manager with everything on it, and comes back from a backup. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually, execute, type Outcome } from '../support/lab.ts';
import { Swarm } from '../support/swarm.ts';

const ESSAIM = fileURLToPath(new URL('../../bin/essaim', import.meta.url));

describe('a backup', { timeout: 240_000 }, () => {
  let swarm: Swarm;
  let file: string;
  let passphrase: string;
  before(async () => {
    swarm = await Swarm.on('ba', 'bb', 'bc', 'bd');
    await swarm.lab.docker('bd', 'swarm', 'leave');
    await swarm.nodeBecomes('bd', 'Down', 10_000);
    await swarm.docker('node', 'rm', '--force', 'bd');
    file = join(swarm.lab.home, 'state.essaim');
    passphrase = join(swarm.lab.home, 'passphrase');
    await writeFile(passphrase, 'open sesame\n');
  });
  after(() => swarm?.[Symbol.asyncDispose]());

  function essaim(host: string, ...args: string[]): Promise<Outcome> {
    return execute(ESSAIM, args, { ...process.env, DOCKER_HOST: `unix://${swarm.lab.socket(host)}` });
  }
  const done = async (host: string, ...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await essaim(host, ...args);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const secretOf = (host: string, container: string) =>
    swarm.lab.docker(host, 'exec', container, 'cat', '/run/secrets/word');
  /** What there is of a service on the workers: containers, with the moment at which each was started. */
  async function started(service: string): Promise<string[]> {
    const all = await Promise.all(
      ['bb', 'bc'].map(async (host) => {
        const names = await swarm.containers(host, service);
        return Promise.all(
          names.map((name) =>
            swarm.lab.docker(host, 'inspect', '-f', '{{.Name}} {{.State.StartedAt}}', name),
          ),
        );
      }),
    );
    return all.flat().sort();
  }
  async function wipe(host: string): Promise<void> {
    await swarm.lab.ssh(host, 'kill -9 $(cut -d" " -f1 /run/essaim.process | head -1)');
    // What containers have of secrets is in memory that is mounted there.
    const data = `${swarm.lab.home}/machines/${host}/daemon`;
    await swarm.lab.ssh(host, `find ${data} -mindepth 1 -maxdepth 1 ! -name files -exec rm -rf {} +`);
  }

  test('is made while everything changes, is listed, and is refused where it cannot be taken up', async () => {
    await swarm.docker('network', 'create', '-d', 'overlay', '--attachable', 'back');
    const secret = await execute('sh', ['-c', 'printf hidden | docker secret create word -'], {
      ...process.env,
      DOCKER_HOST: `unix://${swarm.lab.socket('ba')}`,
    });
    assert.equal(secret.code, 0, secret.stderr);
    await swarm.create('--name', 'web', '--replicas', '4', '--network', 'back', '--secret', 'word', 'whoami');
    await swarm.converge('web', 4);
    await swarm.docker('node', 'update', '--label-add', 'kept=yes', 'bb');
    const without = await essaim('ba', 'backup', 'create', file);
    assert.match(
      without.stderr,
      /^a backup has all secrets of the swarm and its keys, so it is encrypted: give/,
    );
    const scaled = swarm.docker('service', 'scale', '-d', 'web=6');
    await done('ba', 'backup', 'create', '--passphrase-file', passphrase, file);
    await scaled;
    assert.match(
      await done('bd', 'backup', 'ls', swarm.lab.home),
      /state\.essaim .* ba +3 +1 +\d+ kB +passphrase/,
    );
    assert.match(
      (await essaim('bb', 'backup', 'create', '--passphrase-file', passphrase, `${file}.no`)).stderr,
      /This node is not a swarm manager/,
    );

    const restore = (at: string, secretFile = passphrase) =>
      essaim('bd', 'backup', 'restore', '--passphrase-file', secretFile, '--advertise-addr', ip, at);
    const ip = await swarm.lab.address('bd');
    const wrong = join(swarm.lab.home, 'wrong');
    await writeFile(wrong, 'open\n');
    assert.match((await restore(file, wrong)).stderr, /this is not the passphrase/);
    await execute('sh', ['-c', `head -c -20 ${file} >${file}.cut; echo hello >${file}.none`], process.env);
    assert.match((await restore(`${file}.cut`)).stderr, /the backup is damaged: its end is missing/);
    assert.match((await restore(`${file}.none`)).stderr, /not a backup of Essaim/);
    assert.match((await restore('/nowhere')).stderr, /ENOENT/);
    assert.equal(await swarm.lab.docker('bd', 'info', '-f', '{{.Swarm.LocalNodeState}}'), 'inactive');
    assert.match(
      (await essaim('ba', 'backup', 'restore', '--passphrase-file', passphrase, file)).stderr,
      /This node is already part of a swarm/,
    );
  });

  test('brings a swarm back on the host whose daemon has lost everything; nothing is restarted', async () => {
    const ip = await swarm.lab.address('ba');
    await swarm.converge('web', 6);
    await done('ba', 'backup', 'create', '--passphrase-file', passphrase, file);
    const was = await started('web');
    const own = await swarm.containers('ba', 'web');
    const version = await swarm.docker('service', 'inspect', '-f', '{{.Version.Index}}', 'web');
    const nodeId = await swarm.docker('info', '-f', '{{.Swarm.NodeID}}');
    await wipe('ba');
    await swarm.lab.must('start', 'ba');
    assert.equal(await swarm.docker('info', '-f', '{{.Swarm.LocalNodeState}}'), 'inactive');
    const said = await done(
      'ba',
      'backup',
      'restore',
      '--passphrase-file',
      passphrase,
      '--advertise-addr',
      ip,
      file,
    );
    assert.ok(said.startsWith(`Swarm restored: current node (${nodeId}) is now its manager.`), said);
    assert.match(await swarm.docker('service', 'ls'), / web +replicated +\d\/6 /);
    await eventually('all are Ready', 20_000, async () => {
      const nodes = await swarm.nodes();
      return ['ba', 'bb', 'bc'].every((host) => nodes[host] === 'Ready');
    });
    await swarm.converge('web', 6);
    assert.deepEqual(await started('web'), was);
    assert.deepEqual(await swarm.containers('ba', 'web'), own);
    assert.ok(
      Number(await swarm.docker('service', 'inspect', '-f', '{{.Version.Index}}', 'web')) > Number(version),
    );
    assert.equal(await swarm.docker('node', 'inspect', '-f', '{{.Spec.Labels.kept}}', 'bb'), 'yes');
    await swarm.docker('service', 'scale', '-d', 'web=7');
    await swarm.converge('web', 7);
  });

  test('brings it back on a new host, which the workers are told of; the old manager is gone', async () => {
    const ip = await swarm.lab.address('bd');
    await done('ba', 'backup', 'create', '--passphrase-file', passphrase, file);
    const was = await started('web');
    await swarm.docker('service', 'create', '-d', '--no-resolve-image', '--name', 'later', 'whoami');
    await swarm.converge('later', 1);
    await wipe('ba');
    await swarm.lab.must('rm', '-f', 'ba');
    await done('bd', 'backup', 'restore', '--passphrase-file', passphrase, '--advertise-addr', ip, file);
    const on = (...args: string[]) => swarm.lab.docker('bd', ...args);
    assert.equal((await essaim('bd', 'node', 'follow', ip)).code, 1);
    for (const host of ['bb', 'bc']) await done(host, 'node', 'follow', ip);
    await eventually('all are Ready, and the old manager is not there', 20_000, async () => {
      const rows = (await on('node', 'ls', '--format', '{{.Hostname}} {{.Status}} {{.ManagerStatus}}')).split(
        '\n',
      );
      return rows.sort().join() === 'bb Ready ,bc Ready ,bd Ready Leader';
    });
    await eventually('all seven run', 30_000, async () => (await on('service', 'ls')).includes(' 7/7 '));
    // What the others had runs on.
    const now = await started('web');
    assert.deepEqual(
      was.filter((each) => !now.includes(each)),
      [],
    );
    // What came after the backup is no part of the swarm.
    await eventually('it is gone', 15_000, async () => (await started('later')).length === 0);
    await on('service', 'scale', '-d', 'web=10');
    const container = await eventually('a new task runs on the new host', 30_000, async () => {
      const [first] = await swarm.containers('bd', 'web');
      return first;
    });
    assert.equal(await secretOf('bd', container), 'hidden');
    assert.match(await on('network', 'ls'), / back +overlay +swarm/);
    await on('swarm', 'join-token', '-q', 'worker');
  });
});
