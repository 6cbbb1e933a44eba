/** Services of images in a registry that wants credentials: who gets them, and what is run when a tag moves. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { eventually, execute, type Outcome } from '../support/lab.ts';
import { PASSWORD, Registry, USER } from '../support/registry.ts';
import { CLIS, Swarm } from '../support/swarm.ts';

describe('private registries', { timeout: 400_000 }, () => {
  let swarm: Swarm;
  let registry: Registry;
  before(async () => {
    swarm = await Swarm.on('ra', 'rb');
    registry = await Registry.on(swarm.lab, swarm.hosts);
  });
  after(async () => {
    await registry?.[Symbol.asyncDispose]();
    await swarm?.[Symbol.asyncDispose]();
  });

  /** The docker CLI on the manager, as someone with credentials of his own: none until he logs in. */
  const as = (who: string, args: string[], { cli = 'docker', more = {} } = {}): Promise<Outcome> =>
    execute(cli, args, {
      ...process.env,
      DOCKER_HOST: `unix://${swarm.lab.socket(swarm.manager)}`,
      DOCKER_CONFIG: join(swarm.lab.home, who),
      ...more,
    });
  const owner = async (args: string[], options = {}): Promise<string> => {
    const { code, stdout, stderr } = await as('owner', args, options);
    assert.equal(code, 0, `docker ${args.join(' ')}: ${stdout}${stderr}`);
    return stdout.trim();
  };
  const image = (name: string): string => `${registry.name}/${name}`;
  /** Puts an image into the registry; no host has it under that name afterwards. Returns its digest. */
  const publish = async (local: string, name: string): Promise<string> => {
    await owner(['tag', local, image(name)]);
    const said = await owner(['push', image(name)]);
    await owner(['rmi', image(name)]);
    return /digest: (sha256:[0-9a-f]{64})/.exec(said)![1]!;
  };
  const pinned = (service: string): Promise<string> =>
    owner(['service', 'inspect', '-f', '{{.Spec.TaskTemplate.ContainerSpec.Image}}', service]);
  const quick = ['--detach', '--stop-grace-period', '1s', '--restart-delay', '1s'];
  /** A service with a task on both hosts, by someone who gives his credentials with it. */
  const create = (service: string, name: string): Promise<string> =>
    owner([
      ...['service', 'create', '--with-registry-auth', '--name', service, '--mode', 'global'],
      ...[...quick, image(name)],
    ]);
  /** Waits until both hosts run the service as that image of the registry, and nothing else. */
  const runs = (service: string, name: string): Promise<unknown> =>
    eventually(
      `both hosts run ${name}`,
      60_000,
      async () => {
        const images = await Promise.all(
          swarm.hosts.map((host) => {
            const label = [`com.docker.swarm.service.name=${service}`];
            return swarm.lab.ask<Array<{ Image: string }>>(host, '/containers/json', { label });
          }),
        );
        return images.every((each) => each.length === 1 && each[0]!.Image === image(name));
      },
      () => swarm.explain(service),
    );

  test('docker login: with the right password alone', async () => {
    const wrong = await as('nobody', ['login', '-u', USER, '-p', 'wrong', registry.name]);
    assert.notEqual(wrong.code, 0);
    assert.match(wrong.stderr, /unauthorized/i);
    assert.match(await owner(['login', '-u', USER, '-p', PASSWORD, registry.name]), /Login Succeeded/);
  });

  test('without credentials docker warns, and the task says what the registry has said', async () => {
    await publish('whoami:1', 'closed:1');
    const { code, stderr } = await as('nobody', [
      ...['service', 'create', '--name', 'closed', ...quick, image('closed:1')],
    ]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /closed:1 could not be accessed on a registry to record\s+its digest/);
    const error = new RegExp(`^"?No such image: ${image('closed:1')} \\(.*(no basic auth|unauthorized)`);
    await eventually(
      'the task is rejected',
      30_000,
      async () => (await swarm.tasks('closed')).some((task) => error.test(task.error)),
      () => swarm.explain('closed'),
    );
    await swarm.remove('closed');
  });

  test('credentials go to every host, stay over updates and roll-backs, and are never shown', async () => {
    const one = await publish('whoami:1', 'app:1');
    await create('app', 'app:1');
    assert.equal(await pinned('app'), `${image('app:1')}@${one}`);
    await runs('app', `app:1@${one}`);

    // Without --with-registry-auth docker does not show its own to the registry either, and pins nothing.
    const update = ['service', 'update', '--detach', '--image'];
    await publish('whoami:2', 'app:2');
    await owner([...update, image('app:2'), 'app']);
    await runs('app', 'app:2');
    await owner(['service', 'rollback', '--detach', 'app']);
    await runs('app', `app:1@${one}`);
    await publish('whoami:healthy', 'app:3');
    await owner([...update, image('app:3'), 'app']);
    await runs('app', 'app:3');

    const tasks = (await owner(['service', 'ps', '-q', 'app'])).split('\n');
    const shown = await owner(['inspect', 'app', ...tasks]);
    const secrets = [USER, PASSWORD, Buffer.from(`${USER}:${PASSWORD}`).toString('base64'), 'password'];
    for (const secret of secrets) assert.ok(!shown.includes(secret), secret);
    await swarm.remove('app');
  });

  test('a tag that has moved is a new image to an update, one that has not is none', async () => {
    const before = await publish('whoami:1', 'moving:1');
    await create('moving', 'moving:1');
    await runs('moving', `moving:1@${before}`);

    const auth = '--with-registry-auth';
    const update = ['service', 'update', '--detach', auth, '--image', image('moving:1'), 'moving'];
    const ids = async (): Promise<string> =>
      (await owner(['service', 'ps', '-q', 'moving'])).split('\n').sort().join();
    const still = await ids();
    await owner(update);
    assert.equal(await ids(), still);

    const now = await publish('whoami:2', 'moving:1');
    assert.notEqual(now, before);
    // What the service has is what it was pinned to, however often it is made anew.
    await owner(['service', 'update', '--detach', '--force', 'moving']);
    assert.equal(await pinned('moving'), `${image('moving:1')}@${before}`);
    await owner(update);
    assert.equal(await pinned('moving'), `${image('moving:1')}@${now}`);
    await runs('moving', `moving:1@${now}`);
    await swarm.remove('moving');
  });

  test('a client too old to ask the registry has it asked for it', async () => {
    const digest = await publish('whoami:1', 'old:1');
    for (const cli of CLIS) {
      await owner(
        [
          'service',
          'create',
          '--with-registry-auth',
          '--name',
          'old',
          '--mode',
          'global',
          '--detach',
          image('old:1'),
        ],
        {
          cli,
          more: { DOCKER_API_VERSION: '1.29' },
        },
      );
      assert.equal(await pinned('old'), `${image('old:1')}@${digest}`);
      await runs('old', `old:1@${digest}`);
      await swarm.remove('old');
    }
  });

  test('stacks, with both versions of docker', async () => {
    for (const [index, cli] of CLIS.entries()) {
      const name = `stack${index}:1`;
      const digest = await publish('whoami:1', name);
      const file = join(swarm.lab.home, `stack${index}.yml`);
      const web = { image: image(name), deploy: { mode: 'global' }, stop_grace_period: '1s' };
      await writeFile(file, JSON.stringify({ version: '3.8', services: { web } }));
      await owner(['stack', 'deploy', '--with-registry-auth', '-c', file, 'shop'], { cli });
      await runs('shop_web', `${name}@${digest}`);
      await owner(['stack', 'rm', 'shop'], { cli });
    }
  });
});
