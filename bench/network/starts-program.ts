/** What `starts.ts` runs in namespaces of its own. usage: node starts-program.ts FOLDER */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { EngineClient } from '../../src/engine/client.ts';
import { systemClock } from '../../src/model/clock.ts';
import { macOf, type NetworkState, type OverlayState } from '../../src/model/network-state.ts';
import { createDataPlane } from '../../src/network/data-plane.ts';
import { processorMs } from '../../test/support/processor.ts';

const CONTAINERS = 20;
/** How many start at a time, and how long (ms) each takes beside its networks. */
const AT_A_TIME = 3;
const START_MS = 60;
const IDS = ['own0000000000000000000000', 'ingress000000000000000000'] as const;

const folder = process.argv[2]!;
const socketPath = join(folder, 'plugin.sock');
// The engine has no networks, and takes what it is told.
const engine = { json: async (method: string) => (method === 'GET' ? [] : {}) } as unknown as EngineClient;
const tell = (fields: object, message: string): void => console.error(message, fields);
const plane = await createDataPlane({
  ...{
    stateDir: join(folder, 'state'),
    engine,
    clock: systemClock,
    underlayAddress: '192.0.2.1',
    pluginSocket: socketPath,
  },
  log: { debug: () => {}, info: tell, warn: tell },
});

const addressOf = (network: number, container: number): string => `10.1.${network}.${10 + container}`;

/** A network with so many containers, every third of them here, and as many in the service. */
function overlay(number: number, containers: number): OverlayState {
  const all = Array.from({ length: containers }, (_, index) => index);
  return {
    ...{ id: IDS[number]!, name: `network${number}`, vni: 4096 + number, mtu: 1450 },
    ...{ internal: false, ingress: number === 1, encrypted: false },
    subnets: [{ subnet: `10.1.${number}.0/24`, gateway: `10.1.${number}.1` }],
    addresses: [`10.1.${number}.2/24`],
    peers: [{ nodeId: 'other', underlay: '192.0.2.2', addresses: [`10.1.${number}.3`] }],
    endpoints: all.map((index) => {
      const address = addressOf(number, index);
      const nodeId = index % 3 === 0 ? 'here' : 'other';
      return { id: `task${index}`, nodeId, addresses: [address], mac: macOf(address), names: [] };
    }),
    services: [
      {
        ...{ id: 'service', name: 'service', aliases: [], vips: [`10.1.${number}.5`] },
        ready: all.map((index) => `task${index}`),
      },
    ],
  };
}

let revision = 0;
function state(containers: number): NetworkState {
  const targets = Array.from({ length: containers }, (_, index) => addressOf(1, index));
  return {
    ...{ revision: ++revision, dataPathPort: 4789 },
    networks: [overlay(0, containers), overlay(1, containers)],
    published:
      containers > 0 ? [{ serviceId: 'service', protocol: 'tcp', port: 8080, targetPort: 80, targets }] : [],
  };
}

function call(what: string, body: object): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: `/NetworkDriver.${what}`, method: 'POST' }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      answer.once('end', () => (answer.statusCode === 200 ? resolve() : reject(new Error(text))));
    });
    asked.once('error', reject);
    asked.end(JSON.stringify(body));
  });
}

/** As the engine does it, one network after the other. */
async function start(container: number): Promise<void> {
  for (const [number, NetworkID] of IDS.entries()) {
    const EndpointID = `${number}${container}`.padEnd(64, 'f');
    const Interface = { Address: `${addressOf(number, container)}/24` };
    await call('CreateEndpoint', { NetworkID, EndpointID, Interface });
    await call('Join', { NetworkID, EndpointID, SandboxKey: '/none' });
  }
  await new Promise((resolve) => setTimeout(resolve, START_MS));
}

await plane.apply(state(0));
for (const NetworkID of IDS) {
  const Options = { 'com.docker.network.generic': { 'essaim.network': NetworkID } };
  await call('CreateNetwork', { NetworkID, Options });
}
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const used = await processorMs();
const loop = performance.eventLoopUtilization();
const began = performance.now();
const containers = Array.from({ length: CONTAINERS }, (_, index) => index * 3);
const applied: Promise<void>[] = [];
let ready = 0;
const worker = async (): Promise<void> => {
  for (let next = containers.shift(); next !== undefined; next = containers.shift()) {
    await start(next);
    // Meanwhile two have come up on other hosts.
    for (let i = 0; i < 3; i++) applied.push(plane.apply(state(++ready)));
  }
};
await Promise.all(Array.from({ length: AT_A_TIME }, worker));
const started = performance.now() - began;
await Promise.all(applied);
const took = performance.now() - began;
const { active } = performance.eventLoopUtilization(loop);
console.log(
  `${CONTAINERS} containers start on two networks: ${started.toFixed(0)} ms, ${took.toFixed(0)} ms until all is as it should be;`,
);
console.log(
  `processor time ${(await processorMs()) - used} ms, nobody is answered for ${active.toFixed(0)} ms, at most ${(delay.max / 1e6).toFixed(0)} ms at a time`,
);
assert.deepEqual(await plane.check(), []);
await plane.remove();
