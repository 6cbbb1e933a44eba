/** A server gets another Essaim while its tasks run; one that does not come up is taken back. */
import assert from 'node:assert/strict';
import { appendFile, copyFile, cp, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { imagesTar } from '../../support/images.ts';
import { type Server, Servers } from '../../support/servers.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

describe('upgrades', { timeout: 500_000 }, () => {
  let servers: Servers;
  let server: Server;
  let started: string;
  const task =
    "docker inspect -f '{{.State.StartedAt}}' $(docker ps -q --filter label=com.docker.swarm.service.name=web)";
  const release = () => server.must('cat /opt/essaim/release');
  before(async () => {
    servers = await Servers.create();
    server = await servers.add('old', {
      engine: true,
      prepare: async (root) => {
        await mkdir(join(root, 'srv'));
        await copyFile(await imagesTar(), join(root, 'srv/images.tar'));
      },
    });
    await servers.must('up', '--ssh-key', servers.key, server.address);
    await servers.must(
      'machine',
      'ssh',
      machine(),
      `docker load -q -i /srv/images.tar; docker service create --detach --no-resolve-image --name web whoami`,
    );
    await server.must(
      `until [ -n "$(docker ps -q --filter label=com.docker.swarm.service.name=web)" ]; do sleep 0.3; done`,
    );
    started = await server.must(task);
  });
  after(() => servers[Symbol.asyncDispose]());
  const machine = () => `host-${server.address.replaceAll('.', '-')}`;
  /** Another Essaim: this one, and a line more in a file of its. */
  const changed = async (name: string, file: string, line: string): Promise<string> => {
    const folder = join(servers.home, name);
    await mkdir(folder);
    for (const part of ['bin', 'src', 'packaging', 'package.json'])
      await cp(join(ROOT, part), join(folder, part), { recursive: true });
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    await appendFile(join(folder, file), line);
    return join(folder, 'bin/essaim');
  };

  test('another one takes over what runs', async () => {
    const before = await release();
    const newer = await changed('newer', 'src/daemon/main.ts', '// newer\n');
    const { code, stderr } = await servers.shell(`${newer} machine upgrade ${machine()}`);
    assert.equal(code, 0, stderr);
    assert.notEqual(await release(), before);
    assert.equal(await server.must('ls /opt/essaim/releases'), await release());
    assert.equal(await server.must(task), started);
    assert.match(await servers.must('machine', 'ssh', machine(), 'docker service ls'), / 1\/1 /);
  });

  test('one that does not come up is taken back, and said', async () => {
    const before = await release();
    const broken = await changed('broken', 'src/daemon/main.ts', "throw new Error('out of order');\n");
    const { code, stderr } = await servers.shell(`${broken} machine upgrade ${machine()}`);
    assert.equal(code, 1);
    assert.match(stderr, /out of order/);
    assert.match(stderr, new RegExp(`runs ${before} again`));
    assert.equal(await release(), before);
    assert.equal(await servers.must('machine', 'status', machine()), 'Running');
    assert.equal(await server.must(task), started);
  });
});
