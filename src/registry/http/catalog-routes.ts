/** `/v1/catalog`, `/v1/health` and what `/v1/agent` and `/v1/status` say of this registry. */
import type { Router } from '../../api/router.ts';
import { type Catalog, TOPIC } from '../catalog.ts';
import { type Answer, badRequest, DATACENTER, type Question, type Route, type Subject } from './contract.ts';
import { selected, selectedHosts } from './select.ts';
import {
  type Check,
  catalogServiceShape,
  healthShape,
  hostCheck,
  instanceCheck,
  nodeShape,
  nodeUuid,
  serviceShape,
} from './shapes.ts';

export interface RegistryState {
  readonly catalog: Catalog;
  /** This manager's host. */
  readonly nodeId: string;
  /** Of the manager that leads; undefined if none is known. */
  leaderAddress(): string | undefined;
  readonly version: string;
}

const STATES = ['any', 'passing', 'warning', 'critical'];

export function catalogRoutes(router: Router<Route>, state: RegistryState): void {
  const { catalog } = state;
  const own = (): string => catalog.host(state.nodeId)?.name ?? '';
  const subject = (topic: string, now: () => unknown): Subject => ({
    index: () => catalog.topics.indexOf(topic),
    changed: (known, ms, signal) => catalog.topics.wait(topic, known, ms, signal),
    now: (): Answer => ({ body: now() }),
  });
  const instances = ({ params, query }: Question) => selected(catalog.service(params.service!), query, own());
  const hostId = (name: string): string => catalog.host(name)?.id ?? name;

  router.get('/v1/catalog/datacenters', () => ({ body: [DATACENTER] }));
  router.get('/v1/catalog/services', ({ query }) =>
    subject(TOPIC.services, () => servicesOf(catalog, query, own())),
  );
  router.get('/v1/catalog/service/{service}', (question) =>
    subject(TOPIC.service(question.params.service!), () => instances(question).map(catalogServiceShape)),
  );
  router.get('/v1/catalog/nodes', ({ query }) =>
    subject(TOPIC.nodes, () => selectedHosts(catalog.hosts(), query, own()).map(nodeShape)),
  );
  router.get('/v1/catalog/node/{node}', ({ params }) =>
    subject(TOPIC.node(hostId(params.node!)), () => {
      const host = catalog.host(params.node!);
      if (!host) return null;
      const services = catalog.onHost(host.id).map((each) => [each.id, serviceShape(each)]);
      return { Node: nodeShape(host), Services: Object.fromEntries(services) };
    }),
  );
  router.get('/v1/catalog/node-services/{node}', ({ params }) =>
    subject(TOPIC.node(hostId(params.node!)), () => {
      const host = catalog.host(params.node!);
      return host ? { Node: nodeShape(host), Services: catalog.onHost(host.id).map(serviceShape) } : null;
    }),
  );
  router.get('/v1/health/service/{service}', (question) =>
    subject(TOPIC.service(question.params.service!), () => instances(question).map(healthShape)),
  );
  router.get('/v1/health/checks/{service}', (question) =>
    subject(TOPIC.service(question.params.service!), () => instances(question).map(instanceCheck)),
  );
  router.get('/v1/health/node/{node}', ({ params }) =>
    subject(TOPIC.node(hostId(params.node!)), () => {
      const host = catalog.host(params.node!);
      return host ? [hostCheck(host), ...catalog.onHost(host.id).map(instanceCheck)] : [];
    }),
  );
  router.get('/v1/health/state/{state}', ({ params, query }) => {
    const wanted = params.state!;
    if (!STATES.includes(wanted)) throw badRequest(`A state is one of ${STATES.join(', ')}, not ${wanted}`);
    return subject(TOPIC.checks, () => {
      const checks: Check[] = selectedHosts(catalog.hosts(), query, own()).flatMap((host) => [
        hostCheck(host),
        ...catalog.onHost(host.id).map(instanceCheck),
      ]);
      return wanted === 'any' ? checks : checks.filter(({ Status }) => Status === wanted);
    });
  });
  router.get('/v1/status/leader', () => ({ body: state.leaderAddress() ?? '' }));
  router.get('/v1/status/peers', () => {
    const leader = state.leaderAddress();
    return { body: leader ? [leader] : [] };
  });
  router.get('/v1/agent/self', () => ({ body: selfOf(state) }));
  router.get('/v1/agent/services', () => {
    const services = catalog
      .onHost(state.nodeId)
      .map((each) => [each.id, { ...serviceShape(each), Datacenter: DATACENTER }]);
    return { body: Object.fromEntries(services) };
  });
  router.get('/v1/agent/checks', () => {
    const checks = catalog.onHost(state.nodeId).map(instanceCheck);
    return { body: Object.fromEntries(checks.map((check) => [check.CheckID, check])) };
  });
  router.get('/v1/agent/members', () => ({
    body: catalog.hosts().map((host) => ({
      Name: host.name,
      Addr: host.address,
      Port: 0,
      Tags: { dc: DATACENTER, id: nodeUuid(host.id), role: 'node' },
      // Of the numbers that Consul's gossip has: alive, failed.
      Status: host.status === 'critical' ? 4 : 1,
    })),
  }));
}

function servicesOf(
  catalog: Catalog,
  query: URLSearchParams,
  own: string,
): Record<string, readonly string[]> {
  if (!query.has('node-meta')) return Object.fromEntries(catalog.tags());
  const found: Record<string, readonly string[]> = {};
  for (const name of catalog.tags().keys()) {
    const instances = selected(catalog.service(name), query, own);
    if (instances.length > 0) found[name] = [...new Set(instances.flatMap(({ tags }) => tags))].sort();
  }
  return found;
}

function selfOf({ catalog, nodeId, version, leaderAddress }: RegistryState) {
  const host = catalog.host(nodeId);
  const name = host?.name ?? nodeId;
  return {
    Config: {
      Datacenter: DATACENTER,
      PrimaryDatacenter: DATACENTER,
      NodeName: name,
      NodeID: nodeUuid(nodeId),
      Server: true,
      Revision: '',
      // Clients compare it with what they need: the form of the answers is that of this version of Consul.
      Version: '1.15.0',
    },
    Coord: null,
    Member: {
      Name: name,
      Addr: host?.address ?? '',
      Port: 0,
      Tags: { dc: DATACENTER, id: nodeUuid(nodeId), role: 'consul' },
      Status: 1,
    },
    Meta: host?.labels ?? {},
    Stats: { essaim: { version, leader: leaderAddress() ?? '' } },
  };
}
