/** IPv4 and IPv6 side by side, by Docker's own commands: addresses, names, virtual addresses, published ports. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../support/lab.ts';
import type { ProbeAnswer, Question } from '../support/network-probe.ts';
import { bindMounts, NODE, PORT, PROBE } from '../support/probe.ts';
import { Swarm } from '../support/swarm.ts';

const [A, B, OUTSIDE] = ['dsa', 'dsb', 'dsc'] as const;
const servers = [
  { name: 'near', host: A, published: 7101 },
  { name: 'far', host: B, published: 7102 },
];

interface Endpoint {
  VirtualIPs: Array<{ NetworkID: string; Addr: string }>;
}

describe('IPv4 and IPv6', { timeout: 240_000 }, () => {
  let swarm: Swarm;
  /** Of each host on the underlay: IPv4, IPv6. */
  const underlay = new Map<string, [string, string]>();
  /** Of each container in the network `six`. */
  const addresses = new Map<string, string[]>();
  before(async () => {
    swarm = await Swarm.on(A, B);
    await swarm.lab.must('create', '-d', 'lab', OUTSIDE);
    for (const host of [A, B, OUTSIDE]) {
      const v4 = await swarm.lab.address(host);
      const v6 = `fd99::${v4.split('.')[3]}`;
      await swarm.lab.ssh(host, `ip address add ${v6}/64 dev eth0 nodad`);
      underlay.set(host, [v4, v6]);
    }
    const learned = `ip -6 route add fd98::/64 via ${underlay.get(OUTSIDE)![1]} proto ra`;
    await swarm.lab.ssh(B, learned);
  });
  after(() => swarm?.[Symbol.asyncDispose]());

  const containerOf = async (host: string, service: string): Promise<string> =>
    (await swarm.containers(host, service))[0]!;
  const inspect = async <T>(...args: string[]): Promise<T> => JSON.parse(await swarm.docker(...args)) as T;
  const vips = async (service: string, network: string): Promise<string[]> => {
    const id = await swarm.docker('network', 'inspect', '-f', '{{.Id}}', network);
    const [{ Endpoint }] = await inspect<[{ Endpoint: Endpoint }]>('service', 'inspect', service);
    return Endpoint.VirtualIPs.flatMap(({ NetworkID, Addr }) =>
      NetworkID === id ? [Addr.split('/')[0]!] : [],
    );
  };
  /** Every answer, of which the expected one is one. */
  async function verify(
    rows: Array<Question & ProbeAnswer>,
    ask: (...command: string[]) => Promise<string>,
  ): Promise<void> {
    const questions = rows.map(({ protocol, address, port }) => ({ protocol, address, port }));
    let answers: unknown;
    const wanted = rows.map(({ name, client, ...question }) => ({ ...question, name, client }));
    await eventually(
      'all answer as they should',
      20_000,
      async () => {
        const told = JSON.parse(await ask(NODE, PROBE, 'ask', JSON.stringify(questions))) as ProbeAnswer[];
        answers = told.map((answer, index) => ({ ...questions[index], ...answer }));
        return JSON.stringify(answers) === JSON.stringify(wanted);
      },
      async () => JSON.stringify({ answers, wanted }, undefined, 1),
    );
  }
  const both = (row: Omit<Question, 'protocol'> & ProbeAnswer) =>
    (['tcp', 'udp'] as const).map((protocol) => ({
      ...{ protocol, address: row.address, port: row.port },
      ...{ name: row.name, client: row.client },
    }));

  test('networks have both subnets, services and tasks both addresses', async () => {
    const subnets = ['--subnet', '10.66.0.0/24', '--subnet', 'fd66::/64'];
    await swarm.docker('network', 'create', '-d', 'overlay', '--ipv6', ...subnets, 'six');
    const mounts = bindMounts().flatMap((path) => ['--mount', `type=bind,src=${path},dst=${path},readonly`]);
    const common = ['--network', 'six', ...mounts];
    const on = (host: string) => ['--constraint', `node.hostname==${host}`];
    for (const { name, host, published } of servers) {
      const serve = ['env', 'PATH=/bin:/usr/bin', NODE, PROBE, 'serve', name, String(PORT)];
      const ports = ['tcp', 'udp'].flatMap((protocol) => ['-p', `${published}:${PORT}/${protocol}`]);
      await swarm.create('--name', name, ...on(host), ...ports, ...common, 'busybox', ...serve);
    }
    await swarm.create('--name', 'client', ...on(A), ...common, 'busybox', 'sleep', '1000000');
    for (const name of ['near', 'far', 'client']) await swarm.converge(name, 1);

    const [six] = await inspect<[{ EnableIPv6: boolean; IPAM: { Config: unknown } }]>(
      ...['network', 'inspect', 'six'],
    );
    assert.equal(six.EnableIPv6, true);
    assert.deepEqual(six.IPAM.Config, [
      { Subnet: '10.66.0.0/24', Gateway: '10.66.0.1' },
      { Subnet: 'fd66::/64', Gateway: 'fd66::1' },
    ]);
    for (const { name } of servers) {
      const [v4, v6, ...more] = await vips(name, 'six');
      assert.match(`${v4} ${v6} ${more.length}`, /^10\.66\.0\.\d+ fd66::[0-9a-f]+ 0$/);
      // The network of published ports has IPv6 by itself, out of the cluster's own prefix.
      assert.match((await vips(name, 'ingress')).join(' '), /^10\.0\.0\.\d+ fd[0-9a-f:]+$/);
    }
    for (const [name, host] of [...servers.map(({ name, host }) => [name, host]), ['client', A]] as const) {
      const format =
        '{{with index .NetworkSettings.Networks "six"}}{{.IPAddress}} {{.GlobalIPv6Address}}{{end}}';
      const container = await containerOf(host!, name!);
      const own = await swarm.lab.docker(host!, 'inspect', '-f', format, container);
      assert.match(own, /^10\.66\.0\.\d+ fd66::[0-9a-f]+$/);
      addresses.set(name!, own.split(' '));
      const [task] = (await swarm.docker('service', 'ps', '-q', name!)).split('\n');
      const format2 = '{{range .NetworksAttachments}}{{join .Addresses " "}},{{end}}';
      const told = await swarm.docker('inspect', '-f', format2, task!);
      assert.ok(told.includes(`${addresses.get(name!)![0]}/24 ${addresses.get(name!)![1]}/64`), told);
    }
  });

  test('names have addresses of both families', async () => {
    const client = await containerOf(A, 'client');
    for (const { name } of servers)
      for (const [asked, wanted] of [
        [name, await vips(name, 'six')],
        [`tasks.${name}`, addresses.get(name)!],
      ] as const)
        for (const [index, type] of ['a', 'aaaa'].entries()) {
          let told = '';
          await eventually(
            `${asked} has its ${type} record`,
            10_000,
            async () => {
              const args = ['exec', client, 'nslookup', `-type=${type}`, asked];
              const { stdout, stderr } = await swarm.lab.tryDocker(A, args);
              told = stdout + stderr;
              const found = [...stdout.slice(stdout.indexOf('Name:')).matchAll(/^Address: (.+)$/gm)];
              return found.map((match) => match[1]).join() === wanted[index];
            },
            async () => told,
          );
        }
  });

  test('containers and virtual addresses answer, on the same host and on another one', async () => {
    const client = await containerOf(A, 'client');
    const rows: Array<Question & ProbeAnswer> = [];
    for (const { name } of servers) {
      const virtual = await vips(name, 'six');
      for (const index of [0, 1])
        for (const address of [addresses.get(name)![index]!, virtual[index]!])
          rows.push(...both({ address, port: PORT, name, client: addresses.get('client')![index] }));
    }
    await verify(rows, (...command) => swarm.lab.docker(A, 'exec', client, ...command));
  });

  test('published ports answer at every address of every host, and see the client', async () => {
    for (const from of [A, OUTSIDE]) {
      const rows = servers.flatMap(({ name, published }) =>
        [A, B].flatMap((host) =>
          underlay
            .get(host)!
            .flatMap((address, index) =>
              both({ address, port: published, name, client: underlay.get(from)![index] }),
            ),
        ),
      );
      await verify(rows, (...command) => swarm.lab.ssh(from, ...command));
    }
  });

  test('a host goes on learning its routes from its routers, and forwards nothing of others', async () => {
    const ask = 'cat /proc/sys/net/ipv6/conf/all/forwarding /proc/sys/net/ipv6/conf/eth0/accept_ra';
    const state = await swarm.lab.ssh(B, `${ask}; ip6tables -S FORWARD`);
    assert.match(state, /^1\n2\n-P FORWARD DROP\n/);
  });
});
