/** `docker info` of the cluster, letter for letter as scripts read it. */
import { arch, hostname } from 'node:os';
import type { Host } from '../../fleet/contract.ts';
import type { Cluster } from '../cluster.ts';
import { byName, hostId, hostName } from '../names.ts';
import { overcommitted, used } from '../rules/candidate.ts';
import { bytesText } from './units.ts';

/** The version of classic Swarm that this is one of; its API's version. */
export const SWARM_VERSION = '1.2.9';
export const API_VERSION = '1.40';

/** Who leads: this manager, or the one at that address. */
export type Role = 'primary' | { primary: string };

export function infoOf(cluster: Cluster, role: Role): object {
  const hosts = byName(cluster.hosts());
  const counts = hosts.map(countsOf);
  const sum = (field: keyof Counts): number => counts.reduce((all, each) => all + each[field], 0);
  const facts = hosts.flatMap((host) => host.facts ?? []);
  const total = (field: 'cpus' | 'memory'): number =>
    facts.reduce((all, each) => all + overcommitted(each[field], cluster.overcommit), 0);
  return {
    ID: '',
    Containers: sum('all'),
    ContainersRunning: sum('running'),
    ContainersPaused: sum('paused'),
    ContainersStopped: sum('stopped'),
    Images: hosts.reduce((all, { images }) => all + images.length, 0),
    Driver: '',
    DriverStatus: null,
    SystemStatus: systemStatus(cluster, hosts, role),
    Plugins: { Volume: null, Network: null, Authorization: null, Log: null },
    MemoryLimit: true,
    SwapLimit: true,
    KernelMemory: true,
    CpuCfsPeriod: true,
    CpuCfsQuota: true,
    CPUShares: true,
    CPUSet: true,
    PidsLimit: true,
    IPv4Forwarding: true,
    BridgeNfIptables: true,
    BridgeNfIp6tables: true,
    Debug: false,
    NFd: 0,
    OomKillDisable: true,
    NGoroutines: 0,
    SystemTime: new Date().toISOString(),
    LoggingDriver: '',
    CgroupDriver: '',
    NEventsListener: 0,
    KernelVersion: '',
    OperatingSystem: 'linux',
    OSType: 'linux',
    Architecture: ARCHITECTURES[arch()] ?? arch(),
    IndexServerAddress: '',
    RegistryConfig: null,
    NCPU: total('cpus'),
    MemTotal: total('memory'),
    GenericResources: null,
    DockerRootDir: '',
    HttpProxy: process.env.http_proxy ?? '',
    HttpsProxy: process.env.https_proxy ?? '',
    NoProxy: process.env.no_proxy ?? '',
    Name: hostname(),
    Labels: null,
    ExperimentalBuild: false,
    ServerVersion: `swarm/${SWARM_VERSION}`,
    Swarm: {
      NodeID: '',
      NodeAddr: '',
      LocalNodeState: 'inactive',
      ControlAvailable: false,
      Error: '',
      RemoteManagers: null,
    },
    LiveRestoreEnabled: false,
    Isolation: '',
    SecurityOptions: null,
    Warnings: null,
  };
}

const ARCHITECTURES: Record<string, string> = { x64: 'amd64', arm64: 'arm64', arm: 'arm', ia32: '386' };

interface Counts {
  all: number;
  running: number;
  paused: number;
  stopped: number;
}

function countsOf({ containers }: Host): Counts {
  const counts = { all: containers.size, running: 0, paused: 0, stopped: 0 };
  for (const { state } of containers.values()) {
    if (state.Paused) counts.paused++;
    else if (state.Running) counts.running++;
    else counts.stopped++;
  }
  return counts;
}

type Pair = [string, string];

function systemStatus(cluster: Cluster, hosts: readonly Host[], role: Role): Pair[] {
  const candidates = new Map(cluster.candidates().map((each) => [each.key, each]));
  const { strategy, filters } = cluster.scheduling;
  return [
    ...(role === 'primary'
      ? [['Role', 'primary'] as Pair]
      : ([
          ['Role', 'replica'],
          ['Primary', role.primary],
        ] as Pair[])),
    ['Strategy', strategy],
    ['Filters', filters.map(({ name }) => name).join(', ')],
    ['Nodes', String(hosts.length)],
    ...hosts.flatMap((host) => {
      const candidate = candidates.get(host.key);
      const taken = candidate ? used(candidate) : { memory: 0, cpus: 0 };
      return block(host, taken, candidate ?? { memory: 0, cpus: 0 });
    }),
  ];
}

function block(
  host: Host,
  taken: { memory: number; cpus: number },
  total: { memory: number; cpus: number },
): Pair[] {
  const { all, running, paused, stopped } = countsOf(host);
  const states =
    host.status === 'Healthy' ? ` (${running} Running, ${paused} Paused, ${stopped} Stopped)` : '';
  const labels = Object.entries(host.facts?.labels ?? {}).map(([name, value]) => `${name}=${value}`);
  const pairs: Pair[] = [
    ['ID', hostId(host)],
    ['Status', host.status],
    ['Containers', `${all}${states}`],
    ['Reserved CPUs', `${taken.cpus} / ${total.cpus}`],
    ['Reserved Memory', `${bytesText(taken.memory)} / ${bytesText(total.memory)}`],
    ['Labels', labels.sort().join(', ')],
    ...(host.problem === '' ? [] : [['Error', host.problem] as Pair]),
    ['UpdatedAt', new Date(host.updatedAt).toISOString().replace(/\.\d+Z$/, 'Z')],
    ['ServerVersion', host.facts?.version ?? ''],
  ];
  return [[` ${hostName(host)}`, host.address], ...pairs.map(([key, value]): Pair => [`  └ ${key}`, value])];
}

export function versionOf(): object {
  return {
    Platform: { Name: 'Docker Swarm - Community' },
    Version: `swarm/${SWARM_VERSION}`,
    ApiVersion: API_VERSION,
    MinAPIVersion: '1.12',
    GitCommit: 'essaim',
    GoVersion: '',
    Os: 'linux',
    Arch: ARCHITECTURES[arch()] ?? arch(),
    BuildTime: '',
  };
}
