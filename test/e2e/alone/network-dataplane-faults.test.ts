/** The data plane over time: endpoints change, things break, processes and hosts start anew, networks go. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../../support/lab.ts';
import type { ProbeAnswer, Question } from '../../support/network-probe.ts';
import {
  addressesIn,
  OverlayLab,
  type TestContainer,
  type TestNetwork,
  v4,
} from '../../support/overlay-lab.ts';
import { NODE, PORT } from '../../support/probe.ts';

const timeout = 300_000;
const backend: TestNetwork = { id: 'backend0000000000000000000', name: 'backend', number: 1 };
const hidden: TestNetwork = { id: 'hidden0000000000000000000', name: 'hidden', number: 2, internal: true };
const ingress: TestNetwork = {
  id: 'ingress00000000000000000000',
  name: 'ingressnet',
  number: 3,
  ingress: true,
};
const [A, B] = ['dfa', 'dfb'] as const;
const near: TestContainer = { name: 'near', host: A, number: 101, networks: [ingress, backend] };
const far: TestContainer = { name: 'far', host: B, number: 102, networks: [backend, ingress] };
const second: TestContainer = { name: 'second', host: A, number: 105, networks: [backend, ingress] };
const client: TestContainer = { name: 'client', host: A, number: 103, networks: [backend] };
const inside: TestContainer = { name: 'inside', host: A, number: 104, networks: [hidden] };
const VIP = 13;
const PUBLISHED = 8000;
const NAMESPACE = 'esn-backend00000';

/**
 * On a host: calls the network plugin as the engine does, for many containers, three at a time. argv: the network's id.
 * Prints what was wrong.
 */
const JOIN_MANY = `
const { request } = require("node:http");
const { existsSync } = require("node:fs");
const socketPath = "/run/docker/plugins/essaim.sock";
const call = (method, body) => new Promise((resolve, reject) => {
  const asked = request({ socketPath, method: "POST", path: "/NetworkDriver." + method }, (response) => {
    let text = "";
    response.on("data", (part) => { text += part; }).on("end", () => resolve(JSON.parse(text)));
  });
  asked.on("error", reject).end(JSON.stringify(body));
});
(async () => {
  const [id] = process.argv.slice(1);
  const NetworkID = "engine-network";
  await call("CreateNetwork", { NetworkID, Options: { "com.docker.network.generic": { "essaim.network": id } } });
  const failures = [];
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const visit = async (number) => {
    const EndpointID = (number + 4096).toString(16).padEnd(64, "0");
    const endpoint = { NetworkID, EndpointID };
    const Interface = { Address: "10.77.2." + (110 + (number % 100)) + "/24", AddressIPv6: "", MacAddress: "" };
    await call("CreateEndpoint", { ...endpoint, Interface });
    await wait((number % 3) * 5);
    const { Err, InterfaceName } = await call("Join", { ...endpoint, SandboxKey: "/none" });
    if (Err) failures.push(Err);
    await wait(80);
    if (InterfaceName && !existsSync("/sys/class/net/" + InterfaceName.SrcName)) failures.push("lost its link");
    await call("DeleteEndpoint", endpoint);
  };
  for (let number = 0; number < 75; number += 3) {
    await Promise.all([visit(number), visit(number + 1), visit(number + 2)]);
    await wait(number % 70);
  }
  await call("DeleteNetwork", { NetworkID });
  console.log(JSON.stringify(failures));
})();
`;

describe('data plane over time', { timeout }, () => {
  let lab: OverlayLab;
  before(async () => {
    lab = await OverlayLab.with([A, B], []);
    lab.networks = [backend, hidden, ingress];
    ready('near', 'far');
    await lab.apply();
    for (const container of [near, far, client, inside]) await lab.run(container);
    await lab.apply();
    await eventually('servers up', 20_000, async () =>
      (await lab.askFrom(client, [at(near), at(far)])).every(({ name }) => name),
    );
  });
  after(() => lab[Symbol.asyncDispose]());

  const ssh = (host: string, command: string): Promise<string> => lab.lab.ssh(host, command);
  const at = ({ number }: TestContainer): Question => ({
    protocol: 'tcp',
    address: v4(backend, number),
    port: PORT,
  });
  const vip = (protocol: 'tcp' | 'udp'): Question => ({ protocol, address: v4(backend, VIP), port: PORT });
  const published = (host: string): Question => ({
    protocol: 'tcp',
    address: lab.underlay.get(host)!,
    port: PUBLISHED,
  });

  /** Which containers take part in the service. */
  function ready(...names: string[]): void {
    lab.services = [backend, ingress].map((network) => ({ id: 'both', network, number: VIP, ready: names }));
    const members = [near, far, second].filter(({ name }) => names.includes(name));
    const targets = members.flatMap(({ number }) => addressesIn(ingress, number));
    lab.published = [
      { protocol: 'tcp', port: PUBLISHED, targetPort: PORT, serviceId: 'both', targets },
      { protocol: 'udp', port: PUBLISHED, targetPort: PORT, serviceId: 'both', targets },
      { protocol: 'sctp', port: PUBLISHED, targetPort: PORT, serviceId: 'both', targets },
    ];
  }

  async function assertAllWell(): Promise<void> {
    const questions = [...Array.from({ length: 8 }, () => vip('tcp')), at(near), at(far)];
    const answers = [
      ...(await lab.askFrom(client, questions)),
      ...(await lab.askFromHost(A, [published(A), published(B), published(A), published(B)])),
    ];
    assert.deepEqual(
      answers.filter(({ error }) => error),
      [],
    );
    for (const plane of lab.planes.values()) assert.deepEqual(await plane.check(), []);
  }

  test('connections are spread evenly over the endpoints', async () => {
    const questions = Array.from({ length: 300 }, () => vip('tcp'));
    const answers = await lab.askFrom(client, questions);
    const share = answers.filter(({ name }) => name === 'near').length / answers.length;
    assert.ok(share > 0.38 && share < 0.62, `near has ${share} of all`);
    assert.ok(answers.every(({ name }) => name));
  });

  test('an endpoint that leaves takes nothing with it: connections of others go on, UDP flows move', async () => {
    const talk = (hold: number): Promise<string> =>
      lab.engine(
        A,
        'exec',
        client.name,
        'sh',
        '-c',
        `(echo one; sleep ${hold}; echo two; sleep 1) | nc ${v4(backend, VIP)} ${PORT}`,
      );
    const talks = Array.from({ length: 8 }, () => talk(3));
    // From one port all the time: one flow.
    const flow = lab.engine(A, 'exec', client.name, ...lab.probe('flow', v4(backend, VIP), '24'));
    await new Promise((resolve) => setTimeout(resolve, 1000));
    ready('far');
    await lab.apply();
    const texts = await Promise.all(talks);
    assert.deepEqual(
      texts.filter((text) => !/one\ntwo$/.test(text)),
      [],
    );
    const last = (await flow).split('\n').at(-1);
    assert.equal(last, 'far');
    ready('near', 'far');
    await lab.apply();
  });

  test('who connects to a host that has died is answered by another one, once the dead one has left', async () => {
    await lab.lab.must('link', B, 'down');
    try {
      const call = (address: string, port: number): string => `nc -w 30 ${address} ${port} </dev/null`;
      const calls = Array.from({ length: 6 }, () => [
        lab.engine(A, 'exec', client.name, 'sh', '-c', call(v4(backend, VIP), PORT)),
        ssh(A, `busybox ${call(lab.underlay.get(A)!, PUBLISHED)}`),
      ]).flat();
      const answers = Promise.all(calls);
      // Those that are given the dead host's have asked by now, and hear nothing.
      await new Promise((resolve) => setTimeout(resolve, 1000));
      lab.lost.add(B);
      ready('near');
      await lab.apply();
      assert.deepEqual(
        (await answers).filter((text) => !text.startsWith('near ')),
        [],
      );
    } finally {
      await lab.lab.must('link', B, 'up');
    }
    lab.lost.clear();
    ready('near', 'far');
    await lab.apply();
  });

  test('a container ends and no manager says so: its host asks the others, and answers or refuses in its place', async () => {
    await lab.run(second);
    ready('near', 'far', 'second');
    await lab.apply();
    await eventually('the third one is up', 20_000, async () =>
      (await lab.askFrom(far, [at(second)])).every(({ name }) => name === 'second'),
    );
    await lab.engine(A, 'rm', '-f', near.name);
    const ask = async (): Promise<ProbeAnswer[]> => [
      ...(await lab.askFrom(far, [at(near), { ...at(near), protocol: 'udp' }])),
      ...(await lab.askFrom(far, Array<Question>(9).fill(vip('tcp')))),
      ...(await lab.askFromHost(B, Array<Question>(9).fill(published(B)))),
    ];
    await eventually('the other one on its host answers in its place', 10_000, async () =>
      (await ask()).every(({ name }) => name === 'far' || name === 'second'),
    );
    await lab.engine(A, 'rm', '-f', second.name);
    lab.containers = lab.containers.filter((container) => container !== near && container !== second);
    await eventually('all on its host is answered by the other one', 10_000, async () => {
      const inner = await lab.askFrom(client, [
        ...Array<Question>(6).fill(vip('tcp')),
        vip('udp'),
        vip('udp'),
      ]);
      const outer = await lab.askFromHost(A, Array<Question>(6).fill(published(A)));
      return [...inner, ...outer].every(({ name }) => name === 'far');
    });
    const [tcp, udp, ...others] = await lab.askFrom(far, [
      at(near),
      { ...at(near), protocol: 'udp' },
      ...Array<Question>(12).fill(vip('tcp')),
    ]);
    assert.deepEqual([tcp, udp], [{ error: 'ECONNREFUSED' }, { error: 'ECONNREFUSED' }]);
    assert.ok(others.every(({ name, error }) => name === 'far' || error === 'ECONNREFUSED'));
    assert.ok(others.some(({ name }) => name === 'far'));
    for (const plane of lab.planes.values()) assert.deepEqual(await plane.check(), []);
    ready('near', 'far');
    // With the same addresses, as no manager would: what is there takes part again.
    await lab.run(near);
    await eventually('all is as it was', 20_000, () => assertAllWell().then(() => true));
  });

  test('a service without endpoints refuses at once', async () => {
    ready();
    await lab.apply();
    const [tcp, udp] = await lab.askFrom(client, [vip('tcp'), vip('udp')]);
    assert.deepEqual([tcp, udp], [{ error: 'ECONNREFUSED' }, { error: 'ECONNREFUSED' }]);
    assert.deepEqual(await lab.askFromHost(A, [published(A)]), [{ error: 'ECONNREFUSED' }]);
    ready('near', 'far');
    await lab.apply();
    await assertAllWell();
  });

  test('name servers are asked by the containers of each network, at its gateway', async () => {
    const plane = lab.planes.get(A)!;
    for (const [container, network] of [
      [client, backend],
      [inside, hidden],
    ] as const) {
      const { address } = (await plane.dnsListenAddresses()).find(
        ({ networkId }) => networkId === network.id,
      )!;
      const server = lab.lab.spawn('ssh', A, ...lab.probe('serve', 'dns', '53', address));
      try {
        const asked = (await plane.dnsServerFor(network.id))!;
        const questions: Question[] = [
          { protocol: 'udp', address: asked, port: 53 },
          { protocol: 'tcp', address: asked, port: 53 },
          { protocol: 'tcp', address: asked, port: 54 },
          { protocol: 'udp', address, port: 53 },
          { protocol: 'tcp', address: lab.underlay.get(A)!, port: 22 },
        ];
        const seen = { name: 'dns', client: v4(network, container.number) };
        await eventually('the name server answers', 10_000, async () =>
          (await lab.askFrom(container, questions.slice(0, 1))).every(({ name }) => name),
        );
        const answers = await lab.askFrom(container, questions);
        assert.deepEqual(answers.slice(0, 2), [seen, seen]);
        assert.ok(
          answers.slice(2).every(({ error }) => error),
          JSON.stringify(answers),
        );
      } finally {
        server.kill();
      }
    }
  });

  const faults: Array<[string, string]> = [
    ['the ruleset of the host is flushed', 'nft flush ruleset'],
    ["the engine's firewall is set up anew", 'iptables -F FORWARD'],
    ['the ruleset of a network is flushed', `nsenter --net=/run/netns/${NAMESPACE} nft flush ruleset`],
    [
      'an element is taken away',
      `ip netns exec ${NAMESPACE} nft delete element inet essaim service_both_ip { 0 }`,
    ],
    ['a tunnel is deleted', `ip -n ${NAMESPACE} link delete vx0`],
    ['a bridge is deleted', `ip -n ${NAMESPACE} link delete br0`],
    ['a link to the host is deleted', 'ip link delete esm-2'],
    [
      'a neighbour is stale',
      `ip -n ${NAMESPACE} neighbour replace ${v4(backend, far.number)} lladdr 02:42:00:00:00:01 dev br0 nud permanent`,
    ],
    [
      'a host is forgotten',
      `bridge -n ${NAMESPACE} fdb show dev vx0 | grep self | while read mac dst host rest; do bridge -n ${NAMESPACE} fdb delete $mac dev vx0 dst $host self; done`,
    ],
    ['rules and routes are gone', 'ip rule flush; ip rule add lookup main priority 32766'],
    ['a virtual address is deleted', `ip -n ${NAMESPACE} address delete ${v4(backend, VIP)}/32 dev br0`],
  ];
  for (const [name, command] of faults) {
    test(`mended and counted: ${name}`, async () => {
      const plane = lab.planes.get(A)!;
      const { mended } = await plane.counters();
      await ssh(A, command);
      await eventually('counted', 8_000, async () => (await plane.counters()).mended > mended);
      await eventually('in agreement', 8_000, async () => (await plane.check()).length === 0);
      await assertAllWell();
    });
  }

  test('after a flush containers have their way out again, and new ones get ports of the host', async () => {
    const plane = lab.planes.get(A)!;
    assert.deepEqual(await plane.check(), []);
    await ssh(A, 'nft flush ruleset');
    // That container has nothing to do with published ports: its way out is the engine's.
    await eventually('the way out', 10_000, async () => {
      const [answer] = await lab.askFrom(client, [published(B)]);
      return answer!.error === undefined;
    });
    await lab.engine(A, 'run', '-d', '--name', 'porter', '-p', '9001:80', 'busybox', 'sleep', '1000');
    await lab.engine(A, 'rm', '-f', 'porter');
    await eventually('in agreement', 8_000, async () => (await plane.check()).length === 0);
  });

  /** How many programs listen on a host for what becomes of its tables. */
  const listeners = async (): Promise<number> =>
    Number(await ssh(A, "ps ax | grep -c '[n]ft monitor destroy tables' || true"));

  test('a ruleset that is flushed is mended as soon as the kernel says so, without looking for it', async () => {
    await lab.planes.get(A)!.stop();
    const plane = await lab.startPlane(A, 'no-rounds');
    try {
      await eventually('it listens', 10_000, () => listeners().then((count) => count === 1));
      for (let times = 1; times <= 3; times++) {
        await ssh(A, 'nft flush ruleset');
        await eventually('mended', 10_000, async () => (await plane.counters()).mended === times);
        assert.equal((await lab.askFromHost(A, [published(A)]))[0]!.error, undefined);
      }
    } finally {
      await plane.stop();
      await lab.startPlane(A);
    }
    await eventually('one of them listens', 10_000, () => listeners().then((count) => count === 1));
  });

  test('a data plane that starts anew takes up what is there', async () => {
    const plane = lab.planes.get(A)!;
    await plane.stop();
    const answers = await lab.askFrom(client, [vip('tcp'), at(far)]);
    assert.ok(answers.every(({ name }) => name));
    const again = await lab.startPlane(A);
    assert.deepEqual((await again.networksInUse()).sort(), [backend.id, hidden.id, ingress.id].sort());
    await assertAllWell();
    assert.equal((await again.counters()).mended, 0);
  });

  test('after a power cut ports answer from the last known state, and the engine comes up without the plugin', async () => {
    await lab.planes
      .get(A)!
      .stop()
      .catch(() => {});
    await lab.lab.must('kill', A);
    await lab.lab.must('start', A);
    await lab.startPlane(A);
    const answers = await eventually('the port answers', 15_000, async () => {
      const results = await lab.askFromHost(B, [published(A), published(A), published(A), published(A)]);
      return results.some(({ name }) => name === 'far') && results;
    });
    // The container on the host that went down is not there any more: connections to it fail until the state says so.
    assert.ok(answers.some(({ name }: ProbeAnswer) => name === 'far'));
    await lab.engine(A, 'start', near.name, client.name, inside.name);
    await eventually('containers are back', 20_000, async () =>
      (await lab.askFrom(client, [at(near), at(far)])).every(({ name }) => name),
    );
    await assertAllWell();
  });

  test('the address of the host itself changes: it knows the others all the same', async () => {
    const plane = lab.planes.get(A)!;
    const state = lab.state(A);
    const addresses = addressesIn(backend, 9).map((address, i) => `${address}/${[24, 64][i]}`);
    const networks = state.networks.map((each) => (each.id === backend.id ? { ...each, addresses } : each));
    await plane.apply({ ...state, networks });
    assert.deepEqual(await plane.check(), []);
    await lab.apply();
    await assertAllWell();
  });

  test('a network goes after its last container, from engine and kernel', async () => {
    lab.networks = [backend, ingress];
    lab.containers = lab.containers.filter((container) => container !== inside);
    await lab.apply();
    assert.match(await lab.engine(A, 'network', 'ls'), /hidden/);
    await lab.engine(A, 'rm', '-f', inside.name);
    await eventually('gone', 10_000, async () => {
      const known = await lab.engine(A, 'network', 'ls');
      return !known.includes('hidden') && !(await ssh(A, 'ls /run/netns')).includes('esn-hidden');
    });
    await assertAllWell();
  });

  test('a network goes and is wanted anew, again and again: no container is refused, or loses its link', async () => {
    lab.networks = [backend, hidden, ingress];
    await lab.apply();
    const joining = ssh(A, `${NODE} -e '${JOIN_MANY}' ${hidden.id}`);
    let over = false;
    const ended = joining.finally(() => {
      over = true;
    });
    for (let round = 0; !over; round++) {
      lab.networks = [backend, ingress];
      const gone = lab.apply();
      await new Promise((resolve) => setTimeout(resolve, round % 50));
      lab.networks = [backend, hidden, ingress];
      await Promise.all([gone, lab.apply()]);
    }
    assert.deepEqual(JSON.parse(await ended), []);
    await lab.run(inside);
    await eventually('all agree', 10_000, () => assertAllWell().then(() => true));
    lab.networks = [backend, ingress];
    lab.containers = lab.containers.filter((container) => container !== inside);
    await lab.engine(A, 'rm', '-f', inside.name);
    await lab.apply();
  });

  test('a host that leaves keeps no trace', async () => {
    await lab.engine(A, 'rm', '-f', near.name, client.name);
    await lab.planes.get(A)!.remove();
    const left = await ssh(
      A,
      'ip netns ls; ip link; ip rule; ip -6 rule; nft list tables; iptables-save; ip6tables-save; ls /run/docker/plugins',
    );
    assert.doesNotMatch(left, /esn-|esm-|essaim|^(13000|12999):/m);
    assert.doesNotMatch(await lab.engine(A, 'network', 'ls'), /backend|hidden|ingressnet/);
  });
});
