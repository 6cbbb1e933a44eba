/** Hosts with containers, as a fleet would have them, for tests of what is made of them. */
import type { Host } from '../../fleet/contract.ts';
import type { ContainerRecord, ListedContainer } from '../../fleet/records.ts';

export function record(id: string, name: string, changes: Partial<ContainerRecord> = {}): ContainerRecord {
  const listed: ListedContainer = {
    Id: id,
    Names: [`/${name}`],
    Image: 'busybox',
    ImageID: 'sha256:1234567890',
    Command: 'sh',
    Created: 1,
    Ports: [],
    Labels: {},
    State: 'running',
    Status: 'Up 1 second',
  };
  return {
    id,
    name,
    listed,
    state: {
      Status: 'running',
      Running: true,
      Paused: false,
      Restarting: false,
      Dead: false,
      ExitCode: 0,
      StartedAt: '2026-01-01T00:00:00Z',
      FinishedAt: '0001-01-01T00:00:00Z',
    },
    labels: {},
    image: 'busybox',
    networkMode: 'default',
    ports: [],
    exposed: [],
    memory: 0,
    cpuShares: 0,
    ...changes,
  };
}

export function host(
  name: string,
  containers: readonly ContainerRecord[],
  changes: Partial<Host> = {},
): Host {
  const nothing = async (): Promise<void> => undefined;
  return {
    key: `${name}:2375`,
    address: `${name}:2375`,
    ip: '10.0.0.1',
    engine: undefined as never,
    status: 'Healthy',
    facts: {
      engineId: name.toUpperCase(),
      name,
      cpus: 2,
      memory: 8e9,
      labels: {},
      version: '1',
      apiVersion: '1.41',
    },
    problem: '',
    failures: 0,
    answeredAt: 0,
    updatedAt: 0,
    containers: new Map(containers.map((each) => [each.id, each])),
    images: [],
    networks: [],
    volumes: [],
    refreshContainer: async () => true,
    refreshImages: nothing,
    refreshNetworks: nothing,
    refreshVolumes: nothing,
    refresh: nothing,
    forget: () => undefined,
    ...changes,
  };
}
