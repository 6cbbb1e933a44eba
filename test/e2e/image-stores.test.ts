/** Images that were built on one host of a swarm whose hosts have image stores of both kinds, on engines old and new. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { eventually } from '../support/lab.ts';
import { Swarm } from '../support/swarm.ts';

describe('a swarm with image stores of both kinds', { timeout: 300_000 }, () => {
  let swarm: Swarm;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'essaim-build-'));
    swarm = await Swarm.on(
      { name: 'sa', engine: '28', options: ['feature=containerd-snapshotter=true'] },
      { name: 'sb', engine: 'own' },
      { name: 'sc', engine: '28' },
    );
  });
  afterEach(() => swarm?.clear());
  after(async () => {
    await swarm?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  /** Every text makes another image. */
  const build = async (host: string, tag: string, text: string): Promise<void> => {
    const script = `trap 'exit 0' TERM; while :; do sleep 0.2; done`;
    const lines = ['FROM busybox', `RUN echo ${text} >/text`, `CMD ["sh", "-c", "${script}"]`];
    await writeFile(join(folder, 'Dockerfile'), lines.join('\n'));
    await swarm.lab.docker(host, 'build', '-q', '-t', tag, folder);
  };
  /** What the hosts' containers of the service have in their image. */
  const texts = (service: string): Promise<string[]> =>
    Promise.all(
      swarm.hosts.map(async (host) => {
        const [name] = await swarm.containers(host, service);
        return swarm.lab.docker(host, 'exec', name!, 'cat', '/text');
      }),
    );
  const all = (text: string): string[] => Array(3).fill(text);
  const service = (...args: string[]): Promise<string> => swarm.docker('service', ...args);
  const noneRejected = async (name: string): Promise<void> => {
    const failed = (await swarm.tasks(name)).filter(({ current }) => /^(Rejected|Failed)/.test(current));
    assert.deepEqual(failed, []);
  };

  test('a tag that is built anew is rolled out, the very same build to every host', async () => {
    await build('sa', 'app', 'one');
    await service('create', '--quiet', '--name', 'app', '--mode', 'global', 'app');
    assert.deepEqual(await texts('app'), all('one'));
    const before = (await swarm.tasks('app')).length;
    // With provenance in it the same build gets another id in the manager's store.
    await build('sa', 'app', 'one');
    await service('update', '--quiet', '--image', 'app', 'app');
    assert.equal((await swarm.tasks('app')).length, before, 'the same build restarts nothing');
    await build('sa', 'app', 'two');
    await service('update', '--quiet', '--image', 'app', 'app');
    assert.deepEqual(await texts('app'), all('two'));
    await service('rollback', '--quiet', 'app');
    assert.deepEqual(await texts('app'), all('one'));
    await build('sa', 'app', 'three');
    await service('update', '--quiet', '--force', 'app');
    assert.deepEqual(await texts('app'), all('three'));
    await noneRejected('app');
  });

  test('an image that only a worker has is copied to the others, its tag with it', async () => {
    for (const host of ['sb', 'sc']) {
      const name = `from-${host}`;
      await build(host, name, host);
      await service('create', '--quiet', '--name', name, '--mode', 'global', name);
      assert.deepEqual(await texts(name), all(host));
      await noneRejected(name);
      for (const other of swarm.hosts) await swarm.lab.docker(other, 'image', 'inspect', name);
    }
  });

  test('a host on which the tag is another build of its own gets the one that is meant', async () => {
    for (const host of ['sb', 'sc']) await build(host, 'mine', `by ${host}`);
    await build('sa', 'mine', 'by sa');
    await service('create', '--quiet', '--name', 'mine', '--mode', 'global', 'mine');
    assert.deepEqual(await texts('mine'), all('by sa'));
    await noneRejected('mine');
  });

  test('an image of a task on another kind of host comes to the manager', async () => {
    await service('create', '--quiet', '--no-resolve-image', '--name', 'web', '--mode', 'global', 'whoami');
    for (const host of ['sb', 'sc']) {
      const [name] = await swarm.containers(host, 'web');
      await swarm.docker('exec', name!, 'sh', '-c', `echo ${host} >/text`);
      const id = await swarm.docker('commit', name!, `snap-${host}`);
      assert.equal(await swarm.docker('image', 'inspect', '--format', '{{.Id}}', `snap-${host}`), id);
      const read = ['run', '--rm', '--network', 'none', `snap-${host}`, 'cat', '/text'];
      assert.equal(await swarm.docker(...read), host);
    }
  });

  test('configs and secrets with execute permission are executed on every engine', async () => {
    const script = join(folder, 'ep.sh');
    await writeFile(script, '#!/bin/sh\necho it ran\ntrap "exit 0" TERM\nwhile :; do sleep 0.2; done\n');
    await swarm.docker('config', 'create', 'ep', script);
    await swarm.docker('secret', 'create', 'ep', script);
    for (const [kind, target] of [
      ['config', '/ep.sh'],
      ['secret', '/run/secrets/ep.sh'],
    ] as const) {
      const option = `source=ep,target=${target},mode=0755`;
      await swarm.create('--name', kind, '--mode', 'global', `--${kind}`, option, 'busybox', target);
      await swarm.converge(kind, 3);
      await eventually('all have run it', 10_000, async () => {
        const said = await service('logs', '--raw', kind);
        return said === Array(3).fill('it ran').join('\n');
      });
      await swarm.remove(kind);
      await swarm.docker(kind, 'rm', 'ep');
    }
  });
});
