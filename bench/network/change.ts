/** What one endpoint that leaves and comes back costs a host, with many endpoints in the service and containers here. */
import { macOf, type NetworkState } from '../../src/model/network-state.ts';
import { OverlayLab, type TestNetwork } from '../../test/support/overlay-lab.ts';

const ENDPOINTS = (process.env.ENDPOINTS ?? '10,100,1000').split(',').map(Number);
const CONTAINERS = (process.env.CONTAINERS ?? '1,10,50').split(',').map(Number);
const TIMES = 10;
const HOST = 'bnc';
const NETWORK: TestNetwork = { id: 'changes00000000000000000', name: 'changes', number: 9 };

/** A network of many endpoints that are all elsewhere, but for the containers that the lab has. */
function withEndpoints(state: NetworkState, count: number, ready: number, revision: number): NetworkState {
  const [overlay] = state.networks;
  const addressOf = (index: number): string => `10.77.${32 + (index >> 8)}.${index & 255}`;
  const ids = Array.from({ length: count }, (_, index) => `endpoint${index}`);
  const endpoints = ids.map((id, index) => ({
    ...{ id, nodeId: 'elsewhere', addresses: [addressOf(index)], mac: macOf(addressOf(index)), names: [] },
  }));
  const service = { id: 'service', name: 'service', aliases: [], vips: ['10.77.31.1'] };
  return {
    ...state,
    revision,
    networks: [
      {
        ...overlay!,
        subnets: [{ subnet: '10.77.0.0/16', gateway: '10.77.255.254' }],
        addresses: ['10.77.255.1/16'],
        peers: [{ nodeId: 'elsewhere', underlay: '192.0.2.1', addresses: ['10.77.255.2'] }],
        endpoints: [...overlay!.endpoints, ...endpoints],
        services: [{ ...service, ready: ids.slice(0, ready) }],
      },
    ],
  };
}

export async function measureChange(): Promise<void> {
  await using lab = await OverlayLab.with([HOST], []);
  const plane = lab.planes.get(HOST)!;
  lab.networks = [NETWORK];
  let revision = 1;
  const apply = (count: number, ready: number): Promise<unknown> =>
    plane.apply(withEndpoints(lab.state(HOST), count, ready, ++revision));
  await apply(10, 10);
  console.log('one endpoint leaves or comes: milliseconds, processor time of the daemon and its tools');
  console.log('endpoints  containers here      ms  processor ms');
  let running = 0;
  for (const containers of CONTAINERS) {
    const { engineNetworkId } = await plane.ensureNetwork(NETWORK.id);
    for (; running < containers; running++) {
      const ip = `10.77.30.${running + 1}`;
      const name = `container${running}`;
      await lab.engine(
        HOST,
        'run',
        '-d',
        '--name',
        name,
        '--network',
        engineNetworkId,
        '--ip',
        ip,
        'busybox',
        'sleep',
        '1000000',
      );
    }
    for (const endpoints of ENDPOINTS) {
      await apply(endpoints, endpoints);
      const before = await plane.processorMs();
      const started = performance.now();
      for (let i = 0; i < TIMES; i++) await apply(endpoints, endpoints - (i % 2 === 0 ? 1 : 0));
      const took = (performance.now() - started) / TIMES;
      const used = ((await plane.processorMs()) - before) / TIMES;
      const cells = [
        String(endpoints).padStart(9),
        String(containers).padStart(16),
        took.toFixed(0).padStart(8),
      ];
      console.log(`${cells.join(' ')} ${used.toFixed(0).padStart(13)}`);
    }
  }
}
