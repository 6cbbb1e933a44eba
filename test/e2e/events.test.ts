/** What `docker events` tells of the swarm: attributes and filters, as Docker Swarm does. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../support/lab.ts';
import { Swarm } from '../support/swarm.ts';

/** In ns. */
const AT_ONCE = 10e6;

interface Event {
  Type: string;
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string> };
  scope: string;
  timeNano: number;
}

describe('events', { timeout: 300_000 }, () => {
  let swarm: Swarm;
  before(async () => {
    swarm = await Swarm.on('ea');
  });
  after(() => swarm?.[Symbol.asyncDispose]());
  const docker = (...args: string[]) => swarm.docker(...args);
  /** What has been told so far. */
  const events = async (...filters: string[]): Promise<Event[]> => {
    const args = filters.flatMap((filter) => ['--filter', filter]);
    const text = await docker('events', '--since', '1h', '--until', '0s', '--format', '{{json .}}', ...args);
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Event);
  };
  const told = async (...filters: string[]) =>
    (await events(...filters)).map(({ Type, Action, Actor }) => `${Type} ${Action} ${Actor.Attributes.name}`);
  const update = (...args: string[]) =>
    docker('service', 'update', '--detach', '--no-resolve-image', ...args);
  const becomes = (state: string) =>
    eventually(
      `the update is ${state}`,
      60_000,
      async () =>
        (await docker('service', 'inspect', '-f', '{{json .UpdateStatus}}', 'ev')).includes(`"${state}"`),
      () => swarm.explain('ev'),
    );

  test('objects come, change and go, with what was and what is', async () => {
    const path = join(swarm.lab.home, 'value');
    await writeFile(path, 'x');
    await docker('secret', 'create', '--label', 'x=y', 'es', path);
    await docker('config', 'create', 'ec', path);
    await docker('network', 'create', '--driver', 'overlay', 'en');
    await docker(
      ...['service', 'create', '--detach', '--no-resolve-image', '--name', 'ev', '--network', 'en'],
      ...[
        '--secret',
        'es',
        '--config',
        'ec',
        '--update-monitor',
        '1s',
        '--stop-grace-period',
        '1s',
        'whoami:1',
      ],
    );
    await swarm.converge('ev', 1);
    await docker('service', 'scale', '--detach', 'ev=2');
    await swarm.converge('ev', 2);
    await update('--image', 'whoami:2', 'ev');
    await becomes('completed');
    await docker('service', 'rollback', '--detach', 'ev');
    await becomes('rollback_completed');
    await docker('node', 'update', '--availability', 'drain', 'ea');
    await docker('node', 'update', '--availability', 'active', 'ea');
    await docker('service', 'rm', 'ev');
    await eventually('the network is not used any more', 30_000, async () => {
      return (await swarm.tryDocker('network', 'rm', 'en')).code === 0;
    });
    await docker('secret', 'rm', 'es');
    await docker('config', 'rm', 'ec');
    // The CLI asks for whole seconds: what has just happened is told a little later.
    await eventually(
      'all is told',
      10_000,
      async () => (await told('type=config', 'event=remove')).length === 1,
    );

    const changes = (await events('type=service', 'event=update'))
      .map(({ Actor: { Attributes } }) => Attributes)
      .filter((attributes) => Object.keys(attributes).length > 1);
    const name = 'ev';
    assert.deepEqual(changes, [
      { name, 'replicas.old': '1', 'replicas.new': '2' },
      { name, 'image.old': 'whoami:1', 'image.new': 'whoami:2' },
      { name, 'updatestate.new': 'updating' },
      { name, 'updatestate.old': 'updating', 'updatestate.new': 'completed' },
      {
        name,
        ...{ 'image.old': 'whoami:2', 'image.new': 'whoami:1' },
        ...{ 'updatestate.old': 'completed', 'updatestate.new': 'rollback_started' },
      },
      { name, 'updatestate.old': 'rollback_started', 'updatestate.new': 'rollback_completed' },
    ]);
    const availability = (await events('type=node', 'node=ea'))
      .map(({ Actor }) => Actor.Attributes['availability.new'])
      .filter((value) => value !== undefined);
    assert.deepEqual(availability, ['drain', 'active']);
    for (const { scope, Actor } of await events('type=service')) {
      assert.equal(scope, 'swarm');
      assert.match(Actor.ID, /^[a-z0-9]{25}$/);
    }
  });

  test('filters', async () => {
    assert.deepEqual(await told('type=secret'), ['secret create es', 'secret remove es']);
    assert.deepEqual(await told('type=secret', 'type=config', 'event=remove'), [
      'secret remove es',
      'config remove ec',
    ]);
    assert.deepEqual(await told('scope=swarm', 'event=remove'), [
      ...['service remove ev', 'network remove en'],
      ...['secret remove es', 'config remove ec'],
    ]);
    assert.deepEqual(await told('config=ec'), ['config create ec', 'config remove ec']);
    assert.deepEqual(await told('service=ev', 'event=create', 'scope=swarm'), ['service create ev']);
    // A name may be a part of it, and is looked for in events of every kind.
    assert.deepEqual(
      await told('service=e', 'event=remove', 'scope=swarm'),
      await told('scope=swarm', 'event=remove'),
    );
    assert.deepEqual(await told('service=ev', 'secret=es'), []);
    assert.deepEqual(await told('label=x=y', 'scope=swarm'), []);
    assert.deepEqual(await told('label=name=es'), ['secret create es', 'secret remove es']);
    assert.deepEqual(await told('type=service', 'label=replicas.new=2'), ['service update ev']);
    assert.deepEqual(await told('type=task'), []);
    const [created] = await events('type=service', 'event=create');
    assert.deepEqual(await told(`service=${created!.Actor.ID}`, 'event=remove', 'scope=swarm'), [
      'service remove ev',
    ]);
  });

  test('times are those at which it happened, in order', async () => {
    const asked = Date.now() * 1e6;
    await docker('network', 'create', '--driver', 'overlay', 'et');
    await docker('config', 'create', '--label', 'a=b', 'first', '/etc/hostname');
    const service = ['--detach', '--no-resolve-image', '--mode', 'global', '--network', 'et'];
    await docker('service', 'create', ...service, '--name', 'eg', 'whoami:1');
    await swarm.converge('eg', 1);
    await swarm.remove('eg');
    await eventually('the network is not used any more', 30_000, async () => {
      return (await swarm.tryDocker('network', 'rm', 'et')).code === 0;
    });
    await docker('node', 'update', '--label-add', 'a=b', 'ea');
    await docker('config', 'rm', 'first');
    await eventually('all is told', 10_000, async () => (await told('config=first')).length === 2);
    const swarms = (await events('scope=swarm')).map(({ timeNano }) => timeNano);
    assert.deepEqual(
      swarms,
      swarms.toSorted((a, b) => a - b),
    );
    // An engine itself has two that happen at once in either order.
    const all = (await events()).map(({ timeNano }) => timeNano);
    assert.ok(all.every((time, i) => i === 0 || time > all[i - 1]! - AT_ONCE));
    const since = (await events('scope=swarm')).filter(({ timeNano }) => timeNano >= asked);
    const nodes = since.filter(({ Type }) => Type === 'node');
    assert.deepEqual(
      nodes.map(({ Actor }) => Actor.Attributes),
      [{ name: 'ea' }],
      'what a host is given for an overlay is no event of its node',
    );
    assert.ok(nodes[0]!.timeNano > since.find(({ Action }) => Action === 'remove')!.timeNano);
  });

  test('a daemon that ends forgets the events of the cluster, its engine does not forget its own', async () => {
    const containers = await told('type=container', 'event=start');
    assert.ok(containers.length > 0);
    await swarm.lab.ssh('ea', 'kill -9 $(cut -d" " -f1 /run/essaim.process | head -1)');
    await swarm.lab.must('start', 'ea');
    await docker('config', 'create', 'again', '/etc/hostname');
    await eventually('it is told', 10_000, async () => (await told('config=again')).length === 1);
    assert.deepEqual(await told('type=config'), ['config create again']);
    assert.deepEqual(await told('type=container', 'event=start'), containers);
  });
});
