/** The registry's hosts, instances and checks in the form of Consul's answers. */
import { createHash } from 'node:crypto';
import type { Registered, RegisteredHost } from '../catalog.ts';
import type { Status } from '../instances.ts';
import { DATACENTER } from './contract.ts';

/** Consul's ids of nodes are UUIDs, which some clients check: made of the node's own id. */
export function nodeUuid(id: string): string {
  const hex = createHash('sha256').update(id).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}

const taggedAddresses = (address: string): Record<string, string> => {
  const family = address.includes(':') ? 'ipv6' : 'ipv4';
  return { lan: address, [`lan_${family}`]: address, wan: address, [`wan_${family}`]: address };
};

export function nodeShape(host: RegisteredHost) {
  return {
    ID: nodeUuid(host.id),
    Node: host.name,
    Address: host.address,
    Datacenter: DATACENTER,
    TaggedAddresses: taggedAddresses(host.address),
    Meta: host.labels,
    CreateIndex: host.createIndex,
    ModifyIndex: host.modifyIndex,
  };
}

/** What a proxy and a mesh would have. */
const NO_PROXY = { Mode: '', MeshGateway: {}, Expose: {} };
const WEIGHTS = { Passing: 1, Warning: 1 };

const serviceAddresses = ({ address, port }: Registered) => {
  const family = address.includes(':') ? 'ipv6' : 'ipv4';
  return {
    [`lan_${family}`]: { Address: address, Port: port },
    [`wan_${family}`]: { Address: address, Port: port },
  };
};

/** A row of `/v1/catalog/service/X`. */
export function catalogServiceShape(instance: Registered) {
  const { host, id, service, tags, address, port, meta, createIndex, modifyIndex } = instance;
  return {
    ID: nodeUuid(host.id),
    Node: host.name,
    Address: host.address,
    Datacenter: DATACENTER,
    TaggedAddresses: taggedAddresses(host.address),
    NodeMeta: host.labels,
    ServiceKind: '',
    ServiceID: id,
    ServiceName: service,
    ServiceTags: tags,
    ServiceAddress: address,
    ServiceTaggedAddresses: serviceAddresses(instance),
    ServiceWeights: WEIGHTS,
    ServiceMeta: meta,
    ServicePort: port,
    ServiceSocketPath: '',
    ServiceEnableTagOverride: false,
    ServiceProxy: NO_PROXY,
    ServiceConnect: {},
    CreateIndex: createIndex,
    ModifyIndex: modifyIndex,
  };
}

/** A service as agents and health have it. */
export function serviceShape(instance: Registered) {
  const { id, service, tags, address, port, meta, createIndex, modifyIndex } = instance;
  return {
    ID: id,
    Service: service,
    Tags: tags,
    Address: address,
    TaggedAddresses: serviceAddresses(instance),
    Meta: meta,
    Port: port,
    Weights: WEIGHTS,
    EnableTagOverride: false,
    Proxy: NO_PROXY,
    Connect: {},
    PeerName: '',
    CreateIndex: createIndex,
    ModifyIndex: modifyIndex,
  };
}

export interface Check {
  Node: string;
  CheckID: string;
  Name: string;
  Status: Status;
  Notes: string;
  Output: string;
  ServiceID: string;
  ServiceName: string;
  ServiceTags: readonly string[];
  Type: string;
  Interval: string;
  Timeout: string;
  ExposedPort: number;
  Definition: object;
  CreateIndex: number;
  ModifyIndex: number;
}

const PLAIN = { Notes: '', Interval: '', Timeout: '', ExposedPort: 0, Definition: {} };

export function hostCheck(host: RegisteredHost): Check {
  return {
    Node: host.name,
    CheckID: 'serfHealth',
    Name: 'Serf Health Status',
    Status: host.status,
    Output: host.output,
    ServiceID: '',
    ServiceName: '',
    ServiceTags: [],
    Type: '',
    ...PLAIN,
    CreateIndex: host.createIndex,
    ModifyIndex: host.modifyIndex,
  };
}

export function instanceCheck(instance: Registered): Check {
  return {
    Node: instance.host.name,
    CheckID: `service:${instance.id}`,
    Name: `Service '${instance.service}' check`,
    Status: instance.status,
    Output: instance.output,
    ServiceID: instance.id,
    ServiceName: instance.service,
    ServiceTags: instance.tags,
    Type: 'docker',
    ...PLAIN,
    CreateIndex: instance.createIndex,
    ModifyIndex: instance.modifyIndex,
  };
}

/** A row of `/v1/health/service/X`. */
export function healthShape(instance: Registered) {
  return {
    Node: nodeShape(instance.host),
    Service: serviceShape(instance),
    Checks: [hostCheck(instance.host), instanceCheck(instance)],
  };
}
