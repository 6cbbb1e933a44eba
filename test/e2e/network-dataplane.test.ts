/** The data plane on real hosts: who reaches whom, whom they see asking, and that what was broken is mended. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { linkOf } from '../../src/network/names.ts';
import { eventually } from '../support/lab.ts';
import type { ProbeAnswer, Question } from '../support/network-probe.ts';
import {
  addressesIn,
  addressOptions,
  OverlayLab,
  type TestContainer,
  type TestNetwork,
  v4,
  v6,
} from '../support/overlay-lab.ts';
import { PORT } from '../support/probe.ts';
import { readSeen, SEEN, sendInit, sendInitAck, WATCH } from '../support/sctp.ts';

const timeout = 240_000;
const backend: TestNetwork = { id: 'backend0000000000000000000', name: 'backend', number: 1 };
const other: TestNetwork = { id: 'other000000000000000000000', name: 'other', number: 2, internal: true };
const ingress: TestNetwork = {
  id: 'ingress00000000000000000000',
  name: 'ingressnet',
  number: 3,
  ingress: true,
};
const [A, B, OUTSIDE] = ['dpa', 'dpb', 'dpc'] as const;
const near: TestContainer = { name: 'near', host: A, number: 101, networks: [ingress, backend] };
const far: TestContainer = { name: 'far', host: B, number: 102, networks: [backend, ingress] };
const client: TestContainer = { name: 'client', host: A, number: 103, networks: [backend] };
/** Publishes a port of its host beside the routing mesh's. */
const both: TestContainer = { name: 'both', host: B, number: 105, networks: [ingress] };
/** A host's own IPv6 address on its link to the network of published ports: whom who asks from there is taken for. */
const LINK = linkOf(2).hostAddress6;
const stranger: TestContainer = { name: 'stranger', host: A, number: 104, networks: [other] };

interface Row {
  what: string;
  question: Question;
  /** Who answers, and whom it sees if that is said, or the error; undefined where nobody must answer. */
  expected: ProbeAnswer | undefined;
}

describe('data plane', { timeout }, () => {
  let lab: OverlayLab;
  before(async () => {
    lab = await OverlayLab.with([A, B], [OUTSIDE]);
    lab.networks = [backend, other, ingress];
    lab.services = [
      { id: 'near', network: backend, number: 11, ready: ['near'] },
      { id: 'far', network: backend, number: 12, ready: ['far'] },
      { id: 'both', network: backend, number: 13, ready: ['near', 'far'] },
      { id: 'none', network: backend, number: 14, ready: [] },
    ];
    lab.published = (['tcp', 'udp', 'sctp'] as const).flatMap((protocol) =>
      [near, far, both].map(({ name, number }) => ({
        protocol,
        port: 8000 + number,
        targetPort: PORT,
        serviceId: name,
        targets: addressesIn(ingress, number),
      })),
    );
    lab.published.push(
      ...(['tcp', 'udp'] as const).map((protocol) => ({
        ...{ protocol, port: 8014, targetPort: PORT, serviceId: 'none', targets: [] },
      })),
    );
    await lab.apply();
    for (const container of [near, far, client, stranger]) await lab.run(container);
    await lab.run(both, ['-p', `9000:${PORT}`]);
    await lab.apply();
    await eventually('servers up', 20_000, async () => {
      const [a, b] = await lab.askFrom(client, [
        { protocol: 'tcp', address: v4(backend, near.number), port: PORT },
        { protocol: 'tcp', address: v4(backend, far.number), port: PORT },
      ]);
      return a!.name && b!.name;
    });
  });
  after(() => lab[Symbol.asyncDispose]());

  /** {same host, other host} × {container address, virtual address} for one protocol and family. */
  function inner(protocol: 'tcp' | 'udp', v: typeof v4, seen: string | undefined): Row[] {
    return [near, far].flatMap((server) => {
      const where = server === near ? 'same host' : 'other host';
      const expected = seen === undefined ? undefined : { name: server.name, client: seen };
      const vip = lab.services.find(({ id }) => id === server.name)!.number;
      return [
        { what: `${where}, container`, address: v(backend, server.number) },
        { what: `${where}, virtual address`, address: v(backend, vip) },
      ].map(({ what, address }) => ({ what, question: { protocol, address, port: PORT }, expected }));
    });
  }

  function published(protocol: 'tcp' | 'udp', address: string, seen: string | undefined): Row[] {
    return [near, far].map((server) => ({
      what: `published port of ${server.name} at ${address}`,
      question: { protocol, address, port: 8000 + server.number },
      expected: seen === undefined ? undefined : { name: server.name, client: seen },
    }));
  }

  /** A service without anybody, and what is refused at once. */
  function nobody(protocol: 'tcp' | 'udp', address: string, port: number): Row {
    return {
      what: 'nobody behind it',
      question: { protocol, address, port },
      expected: { error: 'ECONNREFUSED' },
    };
  }

  async function verify(rows: Row[], ask: (questions: Question[]) => Promise<ProbeAnswer[]>): Promise<void> {
    const answers = await ask(rows.map(({ question }) => question));
    const wrong = rows.flatMap(({ what, question, expected }, index) => {
      const answer = answers[index]!;
      const right =
        expected === undefined
          ? answer.error !== undefined
          : answer.name === expected.name &&
            answer.error === expected.error &&
            (expected.client ?? answer.client) === answer.client;
      const told = `${question.protocol} ${question.address} ${question.port} (${what})`;
      return right
        ? []
        : [`${told}: ${JSON.stringify(answers[index])} instead of ${JSON.stringify(expected)}`];
    });
    assert.deepEqual(wrong, []);
  }

  for (const protocol of ['tcp', 'udp'] as const) {
    for (const [family, v] of [
      ['IPv4', v4],
      ['IPv6', v6],
    ] as const) {
      const underlay = (host: string): string => (v === v4 ? lab.underlay.get(host)! : lab.underlay6(host));
      const loopback = v === v4 ? '127.0.0.1' : '::1';

      test(`${protocol} ${family}, client in a container`, async () => {
        const rows = inner(protocol, v, v(backend, client.number));
        rows.push(nobody(protocol, v(backend, 14), PORT));
        for (const host of [A, B]) {
          // Containers have no IPv6 way out on the engine's own bridge.
          rows.push(...published(protocol, underlay(host), v === v4 ? underlay(A) : undefined));
          if (v === v4) rows.push(nobody(protocol, underlay(host), 8014));
        }
        await verify(rows, (questions) => lab.askFrom(client, questions));
      });

      test(`${protocol} ${family}, client in a container that has published ports itself`, async () => {
        const rows = [
          ...inner(protocol, v, v(backend, far.number)).filter(({ expected }) => expected?.name === 'near'),
          ...published(protocol, underlay(A), underlay(B)),
          ...published(protocol, underlay(B), v === v4 ? underlay(B) : LINK),
        ];
        await verify(rows, (questions) => lab.askFrom(far, questions));
      });

      test(`${protocol} ${family}, own service that has others too`, async () => {
        for (const [server, self] of [
          [near, 2],
          [far, 3],
        ] as const) {
          const question = { protocol, address: v(backend, 13), port: PORT };
          const seen = new Set<string>();
          for (const { name, client } of await lab.askFrom(server, Array<Question>(8).fill(question)))
            seen.add(`${name} ${client}`);
          const expected = [near, far].map((each) =>
            each === server
              ? `${each.name} ${v(backend, self)}`
              : `${each.name} ${v(backend, server.number)}`,
          );
          assert.deepEqual([...seen].sort(), expected.sort(), `asked by ${server.name}`);
        }
      });

      test(`${protocol} ${family}, own service`, async () => {
        for (const server of [near, far]) {
          const own = lab.services.find(({ id }) => id === server.name)!.number;
          const question = { protocol, address: v(backend, own), port: PORT };
          const seen = v(backend, server === near ? 2 : 3);
          const rows: Row[] = [
            { what: 'itself', question, expected: { name: server.name, client: seen } },
            {
              what: 'itself through a published port',
              question: { protocol, address: underlay(server.host), port: 8000 + server.number },
              expected: { name: server.name, client: v === v4 ? underlay(server.host) : LINK },
            },
          ];
          await verify(rows, (questions) => lab.askFrom(server, questions));
        }
      });

      test(`${protocol} ${family}, client on the host`, async () => {
        const rows = [
          ...inner(protocol, v, undefined),
          ...published(protocol, underlay(A), underlay(A)),
          ...published(protocol, underlay(B), underlay(A)),
          ...published(protocol, loopback, v === v4 ? underlay(A) : LINK),
          nobody(protocol, underlay(A), 8014),
        ];
        await verify(rows, (questions) => lab.askFromHost(A, questions));
      });

      test(`${protocol} ${family}, client outside`, async () => {
        const rows = [
          ...inner(protocol, v, undefined),
          ...published(protocol, underlay(A), underlay(OUTSIDE)),
          ...published(protocol, underlay(B), underlay(OUTSIDE)),
          nobody(protocol, underlay(B), 8014),
        ];
        await verify(rows, (questions) => lab.askFromHost(OUTSIDE, questions));
      });

      test(`${protocol} ${family}, client on another network`, async () => {
        const rows = [...inner(protocol, v, undefined), ...published(protocol, underlay(A), undefined)];
        await verify(rows, (questions) => lab.askFrom(stranger, questions));
      });
    }
  }

  test('sctp IPv4, client in a container and outside: associations are asked for and agreed to', async () => {
    const inside = async ({ host, name }: TestContainer, command: string): Promise<string> => {
      const pid = await lab.engine(host, 'inspect', '-f', '{{.State.Pid}}', name);
      return lab.lab.ssh(host, `nsenter --net=/proc/${pid}/ns/net sh -e <<'IN'\n${command}IN\n`);
    };
    const places = {
      near: (command: string) => inside(near, command),
      far: (command: string) => inside(far, command),
      client: (command: string) => inside(client, command),
      outside: (command: string) => lab.lab.ssh(OUTSIDE, command),
    };
    for (const run of Object.values(places)) await run(WATCH);
    const sees = async (place: keyof typeof places, packet: string): Promise<void> => {
      let seen: string[] = [];
      await eventually(
        `${place} gets ${packet}`,
        10_000,
        async () => {
          seen = readSeen(await places[place](SEEN));
          return seen.includes(packet);
        },
        async () => seen.join(', '),
      );
    };
    let from = 40_000;
    const verifyWay = async (
      [client, clientAddress]: ['client' | 'outside', string],
      [server, address, port]: ['near' | 'far', string, number],
    ): Promise<void> => {
      const tag = ++from;
      await places[client](sendInit(address, { from, to: port }, tag));
      await sees(server, `${clientAddress} ${from} ${PORT}`);
      await places[server](sendInitAck(clientAddress, { from: PORT, to: from }, tag));
      await sees(client, `${address} ${port} ${from}`);
    };
    for (const { name, number } of [near, far]) {
      const server = name as 'near' | 'far';
      const service = lab.services.find(({ id }) => id === name)!;
      const self = v4(backend, client.number);
      await verifyWay(['client', self], [server, v4(backend, service.number), PORT]);
      for (const host of [A, B])
        await verifyWay(
          ['outside', lab.underlay.get(OUTSIDE)!],
          [server, lab.underlay.get(host)!, 8000 + number],
        );
    }
  });

  test('ports of the routing mesh and of the host on one container', async () => {
    const rows: Row[] = [A, B, OUTSIDE].flatMap((host) => {
      const seen = lab.underlay.get(host)!;
      const mesh = (at: string): Row => ({
        what: 'routing mesh',
        question: { protocol: 'tcp', address: lab.underlay.get(at)!, port: 8000 + both.number },
        expected: { name: 'both', client: seen },
      });
      return host === OUTSIDE ? [mesh(A), mesh(B)] : [];
    });
    const own: Row = {
      what: 'port of the host',
      question: { protocol: 'tcp', address: lab.underlay.get(B)!, port: 9000 },
      expected: { name: 'both', client: lab.underlay.get(OUTSIDE)! },
    };
    await verify([...rows, own], (questions) => lab.askFromHost(OUTSIDE, questions));
  });

  test('containers have their way out, but those of internal networks', async () => {
    const server = lab.lab.spawn('ssh', OUTSIDE, ...lab.probe('serve', 'world', String(PORT)));
    try {
      const question: Question = { protocol: 'tcp', address: lab.underlay.get(OUTSIDE)!, port: PORT };
      await eventually('the world answers', 10_000, async () =>
        (await lab.askFromHost(OUTSIDE, [question])).every(({ name }) => name),
      );
      const expected = { name: 'world', client: lab.underlay.get(A)! };
      for (const container of [near, client])
        await verify([{ what: container.name, question, expected }], (q) => lab.askFrom(container, q));
      await verify([{ what: 'internal', question, expected: undefined }], (q) => lab.askFrom(stranger, q));
    } finally {
      server.kill();
    }
  });

  test('a running container is connected and disconnected', async () => {
    const { engineNetworkId } = await lab.planes.get(A)!.ensureNetwork(backend.id);
    const rows = inner('tcp', v4, v4(backend, 120));
    await lab.engine(A, 'network', 'connect', ...addressOptions(backend, 120), engineNetworkId, 'stranger');
    await verify(rows, (questions) => lab.askFrom(stranger, questions));
    await lab.engine(A, 'network', 'disconnect', engineNetworkId, 'stranger');
    await verify(inner('tcp', v4, undefined), (questions) => lab.askFrom(stranger, questions));
    // The kernel takes its time to remove a link that was in a container.
    let left = '';
    await eventually(
      'its link is gone',
      5_000,
      async () => {
        left = await lab.lab.ssh(A, 'ip -o link; ip -n esn-backend00000 -o link show type veth');
        return !/^\d+: e[0-9a-f]{12}/m.test(left) && left.match(/^\d+: v[0-9a-f]{12}/gm)!.length === 2;
      },
      async () => left,
    );
    for (const plane of lab.planes.values()) assert.deepEqual(await plane.check(), []);
  });
});
