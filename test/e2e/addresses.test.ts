/** Hosts that come back with another address: the same node, its tasks and its networks, without a restart. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually, execute } from '../support/lab.ts';
import { Swarm } from '../support/swarm.ts';

const [MANAGER, MOVES, STAYS] = ['ja', 'jb', 'jc'] as const;
const NETWORKS = ['open', 'secret'] as const;
const WHILE_AWAKE = '192.168.99.246';
const WHILE_ASLEEP = '192.168.99.247';
const KILL_DAEMON = 'kill -9 $(cut -d" " -f1 /run/essaim.process)';
const AS_MANAGER = ['192.168.99.248', '192.168.99.249'] as const;

interface Node {
  readonly Description: { readonly Hostname: string };
  readonly Status: { readonly State: string; readonly Addr: string };
  readonly ManagerStatus?: {
    readonly Leader?: boolean;
    readonly Reachability: string;
    readonly Addr: string;
  };
}

describe('addresses that change', { timeout: 300_000 }, () => {
  let swarm: Swarm;
  let first: string;
  before(async () => {
    swarm = await Swarm.on(MANAGER, MOVES, STAYS);
    first = await swarm.lab.address(MOVES);
    await swarm.docker('network', 'create', '-d', 'overlay', 'open');
    await swarm.docker('network', 'create', '-d', 'overlay', '--opt', 'encrypted', 'secret');
    for (const host of [MOVES, STAYS]) {
      const networks = NETWORKS.flatMap((network) => ['--network', network]);
      const place = ['--constraint', `node.hostname==${host}`, ...networks];
      await swarm.create(
        ...place,
        '--publish',
        host === MOVES ? '8081:8080' : '8082:8080',
        '--name',
        `on-${host}`,
        'whoami',
      );
    }
    for (const host of [MOVES, STAYS]) await swarm.converge(`on-${host}`, 1);
  });
  after(() => swarm?.[Symbol.asyncDispose]());

  const ssh = (host: string, command: string): Promise<string> => swarm.lab.ssh(host, command);
  /** Straight to the host's engine. */
  const engine = async (host: string, ...args: string[]): Promise<string> => {
    const socket = `unix://${swarm.lab.engineSocket(host)}`;
    const { code, stdout, stderr } = await execute('docker', ['-H', socket, ...args], process.env);
    if (code !== 0) throw new Error(`docker ${args.join(' ')} on ${host}: ${stdout}${stderr}`);
    return stdout.trim();
  };
  const containerOn = (host: string): Promise<string> =>
    engine(host, 'ps', '-q', '--no-trunc', '--filter', `label=com.docker.swarm.service.name=on-${host}`);
  /** The address that the container of a host has in that network. */
  const addressIn = async (network: string, host: string): Promise<string> => {
    const task = await swarm.docker('service', 'ps', '-q', '--filter', 'desired-state=running', `on-${host}`);
    const isIt = `{{if eq .Network.Spec.Name "${network}"}}{{index .Addresses 0}}{{end}}`;
    const format = `{{range .NetworksAttachments}}${isIt}{{end}}`;
    return (await swarm.docker('inspect', '--type', 'task', task, '--format', format)).split('/')[0]!;
  };
  const asks = (network: string, from: string, to: string): Promise<string> =>
    eventually(`who is on ${to} answers who is on ${from} through ${network}`, 15_000, async () => {
      const url = `http://${await addressIn(network, to)}:8080/cgi-bin/index.cgi`;
      return engine(from, 'exec', await containerOn(from), 'timeout', '2', 'wget', '-qO-', url).catch(
        () => undefined,
      );
    });
  const published = (address: string, port: number): Promise<string> =>
    eventually(`port ${port} of ${address} answers`, 15_000, async () => {
      const { code, stdout } = await execute(
        'curl',
        ['-sm', '2', `http://${address}:${port}/cgi-bin/index.cgi`],
        process.env,
      );
      return code === 0 && stdout;
    });
  const isAt = (address: string): Promise<unknown> =>
    eventually(`${MOVES} is at ${address}`, 15_000, async () => {
      const [node] = await swarm.lab.ask<Node[]>(MANAGER, '/nodes', { name: [MOVES] });
      return node?.Status.State === 'ready' && node.Status.Addr === address;
    });
  const move = (from: string, to: string, first = 'true'): Promise<string> => {
    const way = 'via=$(ip route show default | cut -d" " -f3)';
    const change = `ip address del ${from}/24 dev eth0; ip address add ${to}/24 broadcast + dev eth0`;
    return ssh(MOVES, `${first}; ${way}; ${change}; ip route replace default via $via`);
  };
  const allReach = async (address: string): Promise<void> => {
    for (const network of NETWORKS) {
      await asks(network, STAYS, MOVES);
      await asks(network, MOVES, STAYS);
    }
    await published(address, 8081);
    await published(address, 8082);
    await published(await swarm.lab.address(STAYS), 8081);
  };

  test('a worker whose address changes is the same node, and nothing on it restarts', async () => {
    await allReach(first);
    const container = await containerOn(MOVES);
    const started = performance.now();
    await move(first, WHILE_AWAKE);
    await isAt(WHILE_AWAKE);
    console.log(`known at its new address after ${Math.round(performance.now() - started)} ms`);
    await allReach(WHILE_AWAKE);
    console.log(`reached on all networks after ${Math.round(performance.now() - started)} ms`);
    assert.equal(await containerOn(MOVES), container);
    assert.equal((await swarm.tasks(`on-${MOVES}`)).length, 1);
    assert.match(
      await ssh(STAYS, 'nsenter --net=/run/netns/essaim-tunnels wg show essaim-wg endpoints'),
      new RegExp(WHILE_AWAKE),
    );
  });

  test('the same while its daemon was away', async () => {
    const container = await containerOn(MOVES);
    await move(WHILE_AWAKE, WHILE_ASLEEP, KILL_DAEMON);
    await swarm.lab.must('start', MOVES);
    await isAt(WHILE_ASLEEP);
    await allReach(WHILE_ASLEEP);
    assert.equal(await containerOn(MOVES), container);
  });

  /** What a host says of the managers, with where they are: `ja true reachable 192.168.99.2:2377; …`. */
  const managers = async (host: string): Promise<string> => {
    const nodes = await swarm.lab.ask<Node[]>(host, '/nodes');
    const rows = nodes.flatMap(({ Description, ManagerStatus: status }) =>
      status
        ? [[Description.Hostname, status.Leader === true, status.Reachability, status.Addr].join(' ')]
        : [],
    );
    return rows.sort().join('; ');
  };
  const leader = async (host: string): Promise<string> =>
    / ?(\w+) true/.exec(await managers(host))?.[1] ?? '';
  const write = (host: string) =>
    eventually(`${host} takes a change`, 15_000, async () => {
      const made = await swarm.lab.docker(host, 'config', 'create', `c${Math.random()}`, '/etc/hostname');
      return made !== '';
    });
  /** It is one of three again, and its vote counts there. */
  const hasItsPlace = async (address: string): Promise<void> => {
    await isAt(address);
    await eventually(
      `all managers know ${MOVES} at ${address}`,
      30_000,
      async () => {
        const said = await Promise.all([MANAGER, MOVES, STAYS].map(managers));
        return said[0]!.includes(`reachable ${address}:2377`) && new Set(said).size === 1;
      },
      () => swarm.explain(),
    );
    await swarm.lab.ssh(STAYS, 'kill -STOP $(pgrep -x etcd)');
    await write(MOVES);
    await write(MANAGER);
    await swarm.lab.ssh(STAYS, 'kill -CONT $(pgrep -x etcd)');
    await eventually(`${STAYS} is back`, 30_000, async () => {
      const said = await Promise.all([MANAGER, MOVES, STAYS].map(managers));
      return new Set(said).size === 1 && said[0]!.match(/ reachable/g)?.length === 3;
    });
  };

  test('the manager that leads, and whose address changes, takes its place again', async () => {
    await swarm.docker('node', 'promote', MOVES);
    await eventually('there are two', 20_000, async () => (await managers(MOVES)).includes(`${MOVES} `));
    await swarm.docker('node', 'update', '--availability', 'drain', MANAGER);
    await eventually(`${MOVES} leads`, 15_000, async () => (await leader(MOVES)) === MOVES);
    await swarm.docker('node', 'promote', STAYS);
    await hasItsPlace(WHILE_ASLEEP);
    const container = await containerOn(MOVES);
    await move(WHILE_ASLEEP, AS_MANAGER[0]);
    await hasItsPlace(AS_MANAGER[0]);
    await allReach(AS_MANAGER[0]);
    assert.equal(await containerOn(MOVES), container);
  });

  test('the same while its daemon was away', async () => {
    await move(AS_MANAGER[0], AS_MANAGER[1], KILL_DAEMON);
    await swarm.lab.must('start', MOVES);
    await hasItsPlace(AS_MANAGER[1]);
    await allReach(AS_MANAGER[1]);
  });
});
