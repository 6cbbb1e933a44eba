/** Images that one host has built, where hosts have image stores of both kinds. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { eventually } from '../../support/lab.ts';
import { containerOf, MANAGER, OVERLAY2, OWN, type Scenario } from './hosts.ts';

export const images: Scenario = (swarm) => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'essaim-build-'));
  });
  after(() => rm(folder, { recursive: true }));

  /** Every text makes another image. */
  const build = async (host: string, tag: string, text: string): Promise<void> => {
    const script = `trap 'exit 0' TERM; while :; do sleep 0.2; done`;
    const lines = ['FROM busybox', `RUN echo ${text} >/text`, `CMD ["sh", "-c", "${script}"]`];
    await writeFile(join(folder, 'Dockerfile'), lines.join('\n'));
    await swarm().lab.docker(host, 'build', '-q', '-t', tag, folder);
  };
  /** Resolved by the manager, as the client does unless told otherwise. */
  const create = (name: string, image: string) =>
    swarm().docker('service', 'create', '--detach', '--name', name, '--mode', 'global', image);
  /** Waits until every host's container of the service is from the image with that text. */
  const becomes = async (service: string, text: string): Promise<void> => {
    const { hosts, lab } = swarm();
    await eventually(
      `${service} is ${text} everywhere`,
      60_000,
      async () => {
        await swarm().converge(service, 3);
        const said = hosts.map(async (host) =>
          lab.docker(host, 'exec', await containerOf(swarm(), host, service), 'cat', '/text'),
        );
        return (await Promise.all(said)).every((each) => each === text);
      },
      () => swarm().explain(service),
    );
    const failed = (await swarm().tasks(service)).filter(({ current }) => /^(Rejected|Failed)/.test(current));
    assert.deepEqual(failed, []);
  };

  test('a tag that is built anew is rolled out, the very same build to every host', async () => {
    const update = (...args: string[]) => swarm().docker('service', 'update', '--detach', ...args, 'app');
    await build(MANAGER, 'app', 'one');
    await create('app', 'app');
    await becomes('app', 'one');
    // With provenance in it the same build gets another id in the manager's store.
    await build(MANAGER, 'app', 'one');
    await update('--update-parallelism', '0', '--image', 'app');
    await build(MANAGER, 'app', 'two');
    await update('--image', 'app');
    await becomes('app', 'two');
    assert.equal((await swarm().tasks('app')).length, 6, 'the same build has restarted nothing');
    await swarm().docker('service', 'rollback', '--detach', 'app');
    await becomes('app', 'one');
    await build(MANAGER, 'app', 'three');
    await update('--force');
    await becomes('app', 'three');
  });

  test('an image that only a worker has is copied to the others, its tag with it', async () => {
    for (const host of [OWN, OVERLAY2]) {
      await build(host, `from-${host}`, host);
      await create(host, `from-${host}`);
    }
    for (const host of [OWN, OVERLAY2]) {
      await becomes(host, host);
      for (const other of swarm().hosts) await swarm().lab.docker(other, 'image', 'inspect', `from-${host}`);
    }
  });

  test('a host on which the tag is another build of its own gets the one that is meant', async () => {
    for (const host of [OWN, OVERLAY2, MANAGER]) await build(host, 'mine', `by ${host}`);
    await create('mine', 'mine');
    await becomes('mine', `by ${MANAGER}`);
  });

  test('an image of a task on another kind of host comes to the manager', async () => {
    await swarm().create('--name', 'web', '--mode', 'global', 'whoami');
    await swarm().converge('web', 3);
    for (const host of [OWN, OVERLAY2]) {
      const name = await containerOf(swarm(), host, 'web');
      await swarm().docker('exec', name, 'sh', '-c', `echo ${host} >/text`);
      const id = await swarm().docker('commit', name, `snap-${host}`);
      assert.equal(await swarm().docker('image', 'inspect', '--format', '{{.Id}}', `snap-${host}`), id);
      const read = ['run', '--rm', '--network', 'none', `snap-${host}`, 'cat', '/text'];
      assert.equal(await swarm().docker(...read), host);
    }
  });
};
