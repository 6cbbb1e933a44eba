/** Secrets and configs: in memory where they are used, changed in place, and as fixed as Docker's where that is wanted. */
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { unixEngine } from '../../src/engine/client.ts';
import { eventually } from '../support/lab.ts';
import { Swarm } from '../support/swarm.ts';

const STAY = ['sh', '-c', 'exec sleep 1000000'];

describe('secrets and configs', { timeout: 300_000 }, () => {
  let swarm: Swarm;
  before(async () => {
    swarm = await Swarm.on('ca', 'cb');
  });
  after(() => swarm?.[Symbol.asyncDispose]());

  const docker = (...args: string[]) => swarm.docker(...args);
  const refused = async (...args: string[]) => {
    const { code, stderr } = await swarm.tryDocker(...args);
    assert.equal(code, 1);
    return stderr.trim();
  };
  const write = async (name: string, text: string) => {
    const path = join(swarm.lab.home, name);
    await writeFile(path, text);
    return path;
  };
  const create = (...args: string[]) =>
    docker('service', 'create', '--detach', '--no-resolve-image', '--stop-grace-period', '1s', ...args);
  /** What a command says in each container of a service, with its exit codes ignored. */
  const inside = async (service: string, command: string) => {
    const said = await Promise.all(
      swarm.hosts.map(async (host) => {
        const names = await swarm.containers(host, service);
        return Promise.all(names.map((name) => swarm.lab.docker(host, 'exec', name, 'sh', '-c', command)));
      }),
    );
    return said.flat();
  };
  const remove = (service: string) => swarm.remove(service);

  /** What lies where a host's daemon keeps the files of its tasks. */
  const filesOn = (host: string) =>
    swarm.lab.ssh(host, 'ls', join(swarm.lab.home, 'machines', host, 'daemon', 'files'));

  test('create, ls, inspect, rm: what the CLI shows and refuses', async () => {
    const path = await write('value', 'top secret');
    const id = await docker('secret', 'create', '--label', 'a=b', 'pw', path);
    await docker('config', 'create', '--template-driver', 'golang', 'conf', path);
    assert.match(
      await docker('secret', 'ls', '--format', '{{.ID}} {{.Name}} {{.Driver}} {{.Labels}}'),
      new RegExp(`^${id} pw  a=b$`),
    );
    for (const filter of ['name=p', `id=${id.slice(0, 5)}`, 'label=a', 'label=a=b'])
      assert.equal(await docker('secret', 'ls', '-q', '--filter', filter), id);
    assert.equal(await docker('secret', 'ls', '-q', '--filter', 'label=a=c'), '');
    assert.match(await docker('secret', 'inspect', '--pretty', 'pw'), /Name:\s+pw\nLabels:\n - a=b/);
    assert.doesNotMatch(await docker('secret', 'inspect', 'pw'), /Data/);
    assert.match(await docker('config', 'inspect', '--pretty', 'conf'), /Data:\ntop secret/);
    assert.equal(
      await docker('config', 'inspect', '--format', '{{json .Spec.Templating}}', 'conf'),
      '{"Name":"golang"}',
    );
    assert.match(
      await refused('secret', 'create', 'pw', path),
      /AlreadyExists desc = secret pw already exists/,
    );
    assert.match(
      await refused('secret', 'create', '--driver', 'vault', 'x'),
      /code = Unknown desc = plugin "vault" not found/,
    );
    const large = await write('large', 'a'.repeat(500 * 1024));
    assert.match(
      await refused('secret', 'create', 'x', large),
      /secret data must be larger than 0 and less than 512000 bytes/,
    );
    await create('--name', 'user', '--secret', 'pw', 'busybox', ...STAY);
    assert.match(await refused('secret', 'rm', 'pw'), /secret 'pw' is in use by the following service: user/);
    assert.match(
      await refused('service', 'create', '--secret', 'nothing', 'busybox'),
      /secret not found: nothing/,
    );
    await remove('user');
    assert.equal(await docker('secret', 'rm', 'pw'), 'pw');
    assert.equal(await docker('config', 'rm', 'conf'), 'conf');
    assert.match(await refused('config', 'rm', 'conf'), /config conf not found/);
  });

  test('files are as they were asked for, templates filled in, never on disk, gone with the task', async () => {
    const marker = `marker-${Math.random()}`;
    await docker('secret', 'create', 'plain', await write('plain', marker));
    const text = '{{.Node.Hostname}}/{{.Task.Slot}}/{{.Service.Name}}/{{env "WHO"}}/{{secret "plain"}}';
    await docker('config', 'create', '--template-driver', 'golang', 'filled', await write('filled', text));
    await create(
      ...['--name', 'files', '--replicas', '2', '--replicas-max-per-node', '1', '--env', 'WHO=me'],
      ...['--secret', 'plain', '--secret', 'source=plain,target=/etc/own,uid=12,gid=34,mode=0400'],
      ...['--config', 'filled', 'busybox', ...STAY],
    );
    const rows = await swarm.converge('files', 2);
    assert.deepEqual(await inside('files', 'cat /run/secrets/plain'), [marker, marker]);
    assert.deepEqual(
      (await inside('files', 'stat -c "%a %u %g" /run/secrets/plain /etc/own')).at(0),
      '444 0 0\n400 12 34',
    );
    assert.deepEqual(
      (await inside('files', 'cat /filled')).sort(),
      rows.map(({ name, node }) => `${node}/${name.split('.')[1]}/files/me/${marker}`).sort(),
    );
    for (const host of swarm.hosts) {
      const found = await holding(join(swarm.lab.home, 'machines', host), marker);
      assert.deepEqual(found, [], 'in no file on disk, neither of workers nor of managers');
    }
    await remove('files');
    for (const host of swarm.hosts)
      await eventually('its files are gone as well', 5_000, async () => (await filesOn(host)) === '');
    await docker('secret', 'rm', 'plain');
    await docker('config', 'rm', 'filled');
  });

  test('content changes in place: whoever uses it is rolled to it, and can be rolled back', async () => {
    const container = { image: 'busybox', command: STAY, stop_grace_period: '1s', networks: ['host'] };
    const quick = { parallelism: 1, monitor: '1s' };
    const file = await write(
      'stack.yml',
      JSON.stringify({
        services: {
          web: {
            ...container,
            configs: ['page'],
            secrets: ['key'],
            deploy: { replicas: 2, update_config: quick, rollback_config: quick },
          },
          aside: { ...container, configs: ['other'] },
        },
        networks: { host: { external: true, name: 'host' } },
        configs: { page: { file: './page' }, other: { file: './other' } },
        secrets: { key: { file: './key' } },
      }),
    );
    const deploy = (...args: string[]) =>
      docker('stack', 'deploy', '--resolve-image', 'never', ...args, '-c', file, 'st');
    const page = () => inside('st_web', 'cat /page /run/secrets/key');
    const updated = (state: string) =>
      eventually(
        `st_web is ${state}`,
        60_000,
        async () => {
          const path = '/services/st_web';
          const { UpdateStatus } = await swarm.lab.ask<{ UpdateStatus?: { State: string } }>(
            swarm.manager,
            path,
          );
          return UpdateStatus?.State === state;
        },
        () => swarm.explain('st_web'),
      );
    for (const name of ['page', 'other', 'key']) await write(name, `${name} one\n`);
    await deploy();
    const first = await swarm.converge('st_web', 2);
    const aside = await swarm.converge('st_aside', 1);
    assert.deepEqual(await page(), ['page one\nkey one', 'page one\nkey one']);

    await deploy();
    await write('page', 'page two\n');
    await write('key', 'key two\n');
    await deploy();
    await updated('completed');
    assert.deepEqual(await page(), ['page two\nkey two', 'page two\nkey two']);
    assert.equal(
      await docker('config', 'inspect', '--format', '{{printf "%s" .Spec.Data}}', 'st_page'),
      'page two\n',
    );
    const rows = await swarm.tasks('st_web');
    assert.deepEqual(
      [rows.length, rows.filter(({ desired }) => desired === 'Shutdown').length],
      [4, 2],
      'one update',
    );
    assert.equal((await swarm.tasks('st_aside')).length, 1);
    assert.equal((await swarm.converge('st_aside', 1))[0]!.node, aside[0]!.node);

    await docker('service', 'rollback', '--detach', 'st_web');
    await updated('rollback_completed');
    assert.deepEqual(await page(), ['page one\nkey one', 'page one\nkey one']);
    assert.equal((await swarm.tasks('st_web')).length, 6);
    assert.equal(first.length, 2);
    await deploy();
    await updated('completed');
    assert.deepEqual(await page(), ['page two\nkey two', 'page two\nkey two']);
    await docker('stack', 'rm', 'st');
    for (const host of swarm.hosts)
      await eventually(`nothing is left on ${host}`, 30_000, async () => (await filesOn(host)) === '');
  });

  test('a swarm may want content as fixed as with Docker', async () => {
    const api = unixEngine(swarm.lab.socket(swarm.manager));
    const found = await api.json<{ Version: { Index: number }; Spec: object }>('GET', '/swarm');
    await api.json('POST', '/swarm/update', {
      query: { version: String(found.Version.Index) },
      body: { ...found.Spec, Labels: { 'essaim.contents': 'fixed' } },
    });
    const file = await write('fixed.yml', JSON.stringify({ services: {}, configs: { c: { file: './c' } } }));
    await write('c', 'one');
    await docker('stack', 'deploy', '-c', file, 'fx');
    await docker('stack', 'deploy', '-c', file, 'fx');
    await write('c', 'two');
    assert.match(await refused('stack', 'deploy', '-c', file, 'fx'), /only updates to Labels are allowed/);
    await docker('swarm', 'update', '--task-history-limit', '3');
    assert.match(await refused('stack', 'deploy', '-c', file, 'fx'), /only updates to Labels are allowed/);
    await docker('stack', 'rm', 'fx');
  });
});

/** The files below a folder in which a text is. */
async function holding(folder: string, text: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const content = await readFile(path).catch(() => Buffer.alloc(0));
    if (content.includes(text)) found.push(path);
  }
  return found;
}
