/** Networks of scope swarm that each node has for itself. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { eventually } from '../support/lab.ts';
import { Swarm } from '../support/swarm.ts';

const SLEEP = ['busybox', 'sleep', '1000'];

describe('networks that each node has for itself', { timeout: 300_000 }, () => {
  let swarm: Swarm;
  before(async () => {
    swarm = await Swarm.on('la', 'lb');
  });
  afterEach(() => swarm.clear());
  after(() => swarm?.[Symbol.asyncDispose]());

  /** The names of what a host's engine has itself. */
  const onEngine = async (host: string): Promise<string[]> => {
    const socket = `unix://${swarm.lab.engineSocket(host)}`;
    const text = await swarm.lab.docker(host, '-H', socket, 'network', 'ls', '--format', '{{.Name}}');
    return text.split('\n');
  };
  const goneFrom = (host: string, network: string) =>
    eventually(
      `${network} is gone from ${host}`,
      10_000,
      async () => !(await onEngine(host)).includes(network),
      () => swarm.explain(),
    );
  const within = async (host: string, service: string, ...command: string[]): Promise<string> => {
    const [name] = await swarm.containers(host, service);
    return swarm.lab.docker(host, 'exec', name!, ...command);
  };
  const addressOn = async (host: string, service: string): Promise<string> => {
    const text = await within(host, service, 'ip', '-o', '-4', 'addr', 'show', 'dev', 'eth0');
    return /inet ([\d.]+)/.exec(text)![1]!;
  };

  test('a bridge on each host: made with the first task, gone with the last, open to containers of one’s own', async () => {
    const id = await swarm.docker(
      'network',
      'create',
      '-d',
      'bridge',
      '--scope',
      'swarm',
      '--attachable',
      'lan',
    );
    assert.match(id, /^[a-z0-9]{25}$/);
    const shown = () =>
      swarm.docker('network', 'ls', '--filter', 'name=lan', '--format', '{{.Driver}} {{.Scope}}');
    assert.equal(await shown(), 'bridge swarm');
    for (const host of swarm.hosts) assert.ok(!(await onEngine(host)).includes('lan'));
    await swarm.create('--name', 'web', '--mode', 'global', '--network', 'name=lan,alias=www', ...SLEEP);
    await swarm.converge('web', 2);
    for (const host of swarm.hosts) {
      assert.ok((await onEngine(host)).includes('lan'), host);
      const format = '{{.Id}} {{.Scope}} {{.Driver}} {{len .Containers}}';
      assert.equal(
        await swarm.lab.docker(host, 'network', 'inspect', '-f', format, 'lan'),
        `${id} swarm bridge 1`,
      );
      // Its own task alone, by its alias.
      const found = await swarm.lab.docker(
        host,
        'run',
        '--rm',
        '--network',
        'lan',
        'busybox',
        'nslookup',
        'www',
      );
      assert.match(found, new RegExp(`Address: ${await addressOn(host, 'web')}`));
      assert.equal(await shown(), 'bridge swarm');
      const [task] = await swarm.containers(host, 'web');
      const networks = '{{range $n, $e := .NetworkSettings.Networks}}{{$n}} {{$e.NetworkID}}{{end}}';
      assert.equal(await swarm.lab.docker(host, 'inspect', '-f', networks, task!), `lan ${id}`);
    }
    const endpoint = await swarm.docker('service', 'inspect', '-f', '{{json .Endpoint.VirtualIPs}}', 'web');
    assert.equal(endpoint, JSON.stringify([{ NetworkID: id }]));
    assert.match((await swarm.tryDocker('network', 'rm', 'lan')).stderr, /is in use by service/);
    await swarm.remove('web');
    for (const host of swarm.hosts) await goneFrom(host, 'lan');
    await swarm.lab.docker('lb', 'run', '-d', '--name', 'own', '--network', 'lan', ...SLEEP);
    assert.ok((await onEngine('lb')).includes('lan'));
    await swarm.lab.docker('lb', 'rm', '-f', 'own');
    await swarm.docker('network', 'rm', 'lan');
    assert.equal(await shown(), '');
  });

  test('macvlan from each host’s own configuration: tasks are on the hosts’ network', async () => {
    const eth0 = await swarm.lab.ssh('la', 'ip -o -4 addr show dev eth0');
    const net = /inet (\d+\.\d+\.\d+)\./.exec(eth0)![1]!;
    for (const [i, host] of swarm.hosts.entries()) {
      const range = ['--subnet', `${net}.0/24`, '--ip-range', `${net}.${208 + 16 * i}/28`];
      await swarm.lab.docker(
        host,
        'network',
        'create',
        '--config-only',
        ...range,
        '-o',
        'parent=eth0',
        'cfg',
      );
    }
    const from = ['--scope', 'swarm', '-d', 'macvlan', '--config-from'];
    await swarm.docker('network', 'create', ...from, 'cfg', 'street');
    const { stderr } = await swarm.tryDocker('network', 'create', ...from, 'nosuch', 'none-there');
    assert.match(stderr, /configuration network "nosuch" does not exist/);
    await swarm.create('--name', 'web', '--mode', 'global', '--network', 'street', ...SLEEP);
    await swarm.converge('web', 2);
    const [a, b] = [await addressOn('la', 'web'), await addressOn('lb', 'web')];
    assert.ok(Number(a!.split('.')[3]) >= 208 && Number(a!.split('.')[3]) < 224, a);
    assert.ok(Number(b!.split('.')[3]) >= 224 && Number(b!.split('.')[3]) < 240, b);
    await within('la', 'web', 'ping', '-c', '1', '-W', '5', b!);
    await swarm.lab.docker('lb', 'network', 'rm', 'cfg').catch(() => {});
    await swarm.remove('web');
    for (const host of swarm.hosts) await goneFrom(host, 'street');
    await swarm.docker('network', 'rm', 'street');
  });

  test('the hosts’ own network, and networks that services cannot be on', async () => {
    await swarm.create('--name', 'web', '--mode', 'global', '--network', 'host', ...SLEEP);
    await swarm.converge('web', 2);
    const [task] = await swarm.containers('lb', 'web');
    assert.equal(await swarm.lab.docker('lb', 'inspect', '-f', '{{.HostConfig.NetworkMode}}', task!), 'host');
    const target = await swarm.docker(
      'service',
      'inspect',
      '-f',
      '{{(index .Spec.TaskTemplate.Networks 0).Target}}',
      'web',
    );
    assert.match(target, /^[a-z0-9]{25}$/);
    await swarm.docker('network', 'create', '-d', 'bridge', 'mine');
    for (const network of ['mine', 'none', 'nosuch']) {
      const { stderr } = await swarm.tryDocker('service', 'create', '-d', '--network', network, ...SLEEP);
      assert.match(stderr, new RegExp(`network ${network} not found|No such network: ${network}`));
    }
    await swarm.docker('network', 'rm', 'mine');
  });
});
