/** docker-compose and Compose v2 over plain engines, with what draws containers to one host or another. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { Endpoint, plainEngines } from '../support/endpoint.ts';
import { engineFolder } from '../support/engine-folder.ts';
import { eventually, execute, type Lab, type Outcome } from '../support/lab.ts';

const ADDRESS = '127.0.0.1:33770';
const [A, B] = ['qa', 'qb'];
const COMPOSE = `
version: '2.4'
services:
  db:
    image: busybox
    command: sleep 100000
    network_mode: bridge
    volumes: [/data]
    environment: ["constraint:node==~${B}"]
  backup:
    image: busybox
    command: sleep 100000
    network_mode: bridge
    volumes_from: [db]
  web:
    image: whoami
    network_mode: bridge
    ports: ["8080"]
    links: ["db:database"]
  side:
    image: busybox
    command: sleep 100000
    network_mode: "service:web"
  mapped:
    image: busybox
    command: sh -c 'while :; do echo tick; sleep 1; done'
    network_mode: bridge
    environment: {"constraint:node": "=${A}"}
`;

describe('compose over plain engines', { timeout: 240_000 }, () => {
  let lab: Lab;
  let cluster: Endpoint;
  before(async () => {
    lab = await plainEngines({ [A]: {}, [B]: {} });
    const ips = await Promise.all([A, B].map((name) => lab.address(name)));
    cluster = await Endpoint.start(ADDRESS, 2, ips.map((ip) => `${ip}:2375`).join());
  });
  after(async () => {
    await cluster?.end();
    await lab?.[Symbol.asyncDispose]();
  });

  test('by hand as well, in the words in which it was asked for', async () => {
    const sleep = ['busybox', 'sleep', '100000'];
    const run = (...args: string[]): Promise<string> => cluster.docker('run', '-d', ...args, ...sleep);
    await run('--name', 'first', '-e', `constraint:node==${B}`);
    await run('--name', 'shares', '--volumes-from=/first');
    await run('--name', 'linked', '--link=/first:other');
    await run('--name', 'inside', '--net=container:/first');
    const shown = (what: string, name: string): Promise<string> =>
      cluster.docker('inspect', '-f', `{{.Node.Name}} {{.HostConfig.${what}}}`, name);
    assert.equal(await shown('VolumesFrom', 'shares'), `${B} [/first]`);
    assert.equal(await shown('Links', 'linked'), `${B} [/first:/linked/other]`);
    assert.match(await shown('NetworkMode', 'inside'), new RegExp(`^${B} container:`));
    // A driver that there is not is no missing image.
    const driver = ['--volume-driver=nosuch', '-v', 'v:/v', 'busybox'];
    assert.match(await cluster.refusal('run', ...driver), /plugin "nosuch" not found/);
  });

  afterEach(() => cluster.clear());

  for (const name of ['docker-compose', 'Compose v2']) {
    test(`${name}: what belongs together is on one host, and stays with its data`, async () => {
      const engine = (await engineFolder('28'))!;
      const isNew = name !== 'docker-compose';
      const project = isNew ? 'second' : 'first';
      const file = join(lab.home, project, 'docker-compose.yml');
      await mkdir(dirname(file));
      await writeFile(file, COMPOSE);
      const words = [...(isNew ? [join(engine, 'docker'), 'compose'] : ['docker-compose']), '-f', file];
      const config = isNew && { DOCKER_CONFIG: join(dirname(engine), 'config') };
      const env = { ...process.env, ...config, DOCKER_HOST: `tcp://${ADDRESS}` };
      const run = (...args: string[]): Promise<Outcome> => execute('env', [...words, ...args], env);
      const compose = async (...args: string[]): Promise<string> => {
        const { code, stdout, stderr } = await run(...args);
        assert.equal(code, 0, `${args.join(' ')}: ${stdout}${stderr}`);
        return stdout.trim();
      };
      const where = (service: string): Promise<string> =>
        cluster.docker('inspect', '-f', '{{.Node.Name}}', [project, service, 1].join(isNew ? '-' : '_'));
      await compose('up', '-d');
      for (const service of ['db', 'backup', 'web', 'side']) assert.equal(await where(service), B, service);
      assert.equal(await where('mapped'), A);
      await compose('exec', '-T', 'db', 'touch', '/data/kept');
      assert.equal(await compose('exec', '-T', 'backup', 'ls', '/data'), 'kept');
      assert.match(await compose('exec', '-T', 'web', 'cat', '/etc/hosts'), /\tdatabase /);
      // It has the port of the container whose network it shares.
      assert.match(await compose('exec', '-T', 'side', 'netstat', '-ltn'), /:8080 /);
      assert.match(await compose('port', 'web', '8080'), new RegExp(`^${await lab.address(B)}:\\d+$`));
      await compose('restart', '-t', '0', 'mapped');
      await ticking(spawn('env', [...words, 'logs', '-f', 'mapped'], { env }));
      // The other host has fewer containers by far.
      await compose('up', '-d', '--no-deps', '--force-recreate', '-t', '0', 'db');
      assert.equal(await where('db'), B);
      assert.equal(await compose('exec', '-T', 'db', 'ls', '/data'), 'kept');
      await compose('up', '-d', '--no-deps', '--scale', 'mapped=3', 'mapped');
      const rows = await cluster.docker('ps', '-q', '--filter', 'label=com.docker.compose.service=mapped');
      assert.equal(rows.split('\n').length, 3);
      await compose('down', '-v', '-t', '0');
      assert.equal(await cluster.docker('ps', '-aq'), '');
    });
  }
});

/** Waits for two lines of it, then ends it. */
async function ticking(logs: ChildProcess): Promise<void> {
  let text = '';
  logs.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  try {
    await eventually('ticks', 60_000, async () => text.split('tick').length > 2);
  } finally {
    logs.kill();
  }
}
