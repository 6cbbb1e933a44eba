import { parseArgs } from 'node:util';
import type { BackupOptions } from './backup/schedule.ts';

export const DEFAULT_BACKUP_FOLDER = '/var/lib/essaim/backups';

export interface DaemonOptions {
  /** Folder of all state of this daemon. */
  data: string;
  /** Unix socket of the host's Docker Engine. */
  engine: string;
  /** Unix socket that the Docker API is served on. */
  socket: string;
  /** TCP addresses served with mutual TLS, in addition. */
  hosts: Array<{ host: string; port: number }>;
  /** TCP addresses at which a manager serves the cluster as one engine, with mutual TLS. */
  clusterHosts: Array<{ host: string; port: number }>;
  /** How the cluster as one engine places containers. */
  clusterStrategy: string;
  /** Where this host makes an address of its API known, as classic Swarm's hosts did; absent: nowhere. */
  discovery?: { url: string; address: string };
  /** Files; needed as soon as there is a TCP host. */
  tls?: { ca: string; cert: string; key: string };
  /** TCP addresses at which a manager serves the registry of published containers, in the clear. */
  registryHosts: Array<{ host: string; port: number }>;
  /** TCP addresses at which figures are served, in the clear. */
  metricsHosts: Array<{ host: string; port: number }>;
  /** The port of the registry's names at these addresses; 0: none. */
  registryDnsPort: number;
  /** TCP addresses at which tokens are served, in the clear. */
  tokenHosts: Array<{ host: string; port: number }>;
  logLevel: string;
  /** Where a manager serves the web interface; absent: nowhere. */
  ui?: {
    /** '' for all addresses. */
    host: string;
    port: number;
    names: string[];
    /** Files; absent: the swarm's own authority makes them. */
    certificate?: { cert: string; key: string };
  };
  /** Absent: none by the clock. */
  backup?: BackupOptions;
}

const UI_PORT = 9443;
const DEFAULT_KEPT = '10';

export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

export const USAGE = `Usage: essaim daemon [OPTIONS]

Serves the Docker Engine API on this host and, once the host is in a swarm, runs its tasks.

Options:
  --data DIR          folder of the daemon's state (default /var/lib/essaim/daemon)
  --engine PATH       unix socket of the host's Docker Engine (default /var/run/docker.sock)
  --socket PATH       unix socket to serve the API on (default /run/essaim/docker.sock)
  --host tcp://A:P    serve the API there too, with mutual TLS; may be given several times
  --cluster-host tcp://A:P  on a manager, serve all hosts as one engine there, with mutual TLS (the socket cluster.sock beside
                      the other one is always there)
  --cluster-strategy NAME  where that places containers: spread, binpack or random (default spread)
  --discovery URL     make this host known there (token://…, etcd://…, consul://…) for as long as the daemon runs
  --discovery-advertise A:P  the address that is made known, of --host
  --registry-host tcp://A:P  on a manager, serve the registry of published containers there, in Consul's form (usually port
                      8500), in the clear: give an address that only those reach who may read it; may be given several times
  --metrics-host tcp://A:P  serve this daemon's figures there (GET /metrics, which the API has too), in the clear
  --registry-dns-port N  where the registry's names are answered at these addresses, UDP and TCP (default 8600; 0: nowhere)
  --token-host tcp://A:P  serve tokens there (usually port 4243) by which engines and managers of "swarm" find each other, in
                      the clear: whoever knows a token can add hosts to its cluster; may be given several times
  --tlscacert FILE    trust clients with a certificate signed by this CA
  --tlscert FILE      the server's certificate
  --tlskey FILE       the server's key
  --ui-host A[:PORT]  serve a manager's web interface there alone (default all addresses, port 9443)
  --ui-name NAME      a DNS name that the web interface is also reached by; may be given several times
  --ui-cert FILE      the web interface's certificate with what certifies it (default one of the swarm's own authority)
  --ui-key FILE       its key
  --ui-off            no web interface
  --backup-every TIME back up the swarm's state that often (30m, 6h, 1d) while this host has the manager that leads
  --backup-folder DIR where to (default ${DEFAULT_BACKUP_FOLDER})
  --backup-keep N     how many are kept (default 10)
  --backup-passphrase-file FILE
                      what they are encrypted with; without it the unlock key of a locked swarm
  --log-level LEVEL   debug, info, warn or error (default info)
`;

const STRATEGIES = ['spread', 'binpack', 'random'];
const LEVELS = ['debug', 'info', 'warn', 'error'];

/** @throws UsageError that names the option and what it takes */
export function parseOptions(argv: readonly string[]): DaemonOptions | 'help' {
  const string = { type: 'string' } as const;
  let values: ReturnType<typeof parse>['values'];
  const parse = () =>
    parseArgs({
      args: [...argv],
      options: {
        data: { ...string, default: '/var/lib/essaim/daemon' },
        engine: { ...string, default: '/var/run/docker.sock' },
        socket: { ...string, default: '/run/essaim/docker.sock' },
        host: { ...string, multiple: true },
        'cluster-host': { ...string, multiple: true },
        'registry-host': { ...string, multiple: true },
        'cluster-strategy': { ...string, default: 'spread' },
        discovery: string,
        'discovery-advertise': string,
        'metrics-host': { ...string, multiple: true },
        'registry-dns-port': string,
        'token-host': { ...string, multiple: true },
        tlscacert: string,
        tlscert: string,
        tlskey: string,
        'ui-host': { ...string, default: '' },
        'ui-name': { ...string, multiple: true },
        'ui-cert': string,
        'ui-key': string,
        'ui-off': { type: 'boolean' },
        'backup-every': string,
        'backup-folder': string,
        'backup-keep': string,
        'backup-passphrase-file': string,
        'log-level': { ...string, default: 'info' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  try {
    ({ values } = parse());
  } catch (error) {
    throw new UsageError(`${(error as Error).message} ("essaim daemon --help" tells all options)`);
  }
  if (values.help) return 'help';
  const hosts = (values.host ?? []).map((text) => parseHost(text));
  const clusterHosts = (values['cluster-host'] ?? []).map((text) => parseHost(text, '--cluster-host'));
  const registryHosts = (values['registry-host'] ?? []).map((text) => parseHost(text, '--registry-host'));
  const tokenHosts = (values['token-host'] ?? []).map((text) => parseHost(text, '--token-host'));
  const { tlscacert, tlscert, tlskey } = values;
  const tls = tlscacert && tlscert && tlskey ? { ca: tlscacert, cert: tlscert, key: tlskey } : undefined;
  if (!tls && (hosts.length > 0 || clusterHosts.length > 0 || tlscacert || tlscert || tlskey))
    throw new UsageError(
      '--host serves only with mutual TLS, and --cluster-host likewise: give --tlscacert, --tlscert and --tlskey, all three (anyone who can reach an open port would be root on this host)',
    );
  if (!STRATEGIES.includes(values['cluster-strategy']))
    throw new UsageError(
      `--cluster-strategy takes one of ${STRATEGIES.join(', ')}, not ${values['cluster-strategy']}`,
    );
  if (values['registry-dns-port'] !== undefined && registryHosts.length === 0)
    throw new UsageError('--registry-dns-port is for the registry: give --registry-host as well');
  if (!LEVELS.includes(values['log-level']))
    throw new UsageError(`--log-level takes one of ${LEVELS.join(', ')}, not ${values['log-level']}`);
  return {
    data: values.data,
    engine: values.engine.replace(/^unix:\/\//, ''),
    socket: values.socket.replace(/^unix:\/\//, ''),
    hosts,
    clusterHosts,
    registryHosts,
    clusterStrategy: values['cluster-strategy'],
    ...discoveryOf(values.discovery, values['discovery-advertise']),
    metricsHosts: (values['metrics-host'] ?? []).map((text) => parseHost(text, '--metrics-host')),
    registryDnsPort: parsePort(values['registry-dns-port'] ?? '8600', '--registry-dns-port'),
    tokenHosts,
    tls,
    logLevel: values['log-level'],
    ui: values['ui-off']
      ? undefined
      : {
          ...parseUiHost(values['ui-host']),
          names: values['ui-name'] ?? [],
          certificate: parseUiFiles(values['ui-cert'], values['ui-key']),
        },
    ...parseBackup(values),
  };
}

function parseBackup(values: {
  'backup-every'?: string;
  'backup-folder'?: string;
  'backup-keep'?: string;
  'backup-passphrase-file'?: string;
}): { backup?: BackupOptions } {
  const { 'backup-every': every, ...others } = values;
  const idle = (['backup-folder', 'backup-keep', 'backup-passphrase-file'] as const).find(
    (option) => others[option] !== undefined,
  );
  if (every === undefined) {
    if (idle) throw new UsageError(`--${idle} is for backups by the clock: give --backup-every as well`);
    return {};
  }
  return {
    backup: {
      folder: others['backup-folder'] ?? DEFAULT_BACKUP_FOLDER,
      every: parseTime(every),
      keep: parseKeep(others['backup-keep'] ?? DEFAULT_KEPT),
      passphraseFile: others['backup-passphrase-file'],
    },
  };
}

function discoveryOf(url: string | undefined, address: string | undefined) {
  if (url === undefined && address === undefined) return {};
  if (!url || !/^(\[[0-9a-fA-F:.]+\]|[^:\s]+):\d{1,5}$/.test(address ?? ''))
    throw new UsageError('--discovery URL and --discovery-advertise ADDRESS:PORT belong together');
  return { discovery: { url, address: address! } };
}

function parseUiHost(text: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:/]*)):(\d{1,5})$/.exec(text);
  if (!match) return { host: text, port: UI_PORT };
  const port = Number(match[3]);
  if (port > 65535) throw new UsageError(`--ui-host takes ADDRESS or ADDRESS:PORT, not ${text}`);
  return { host: match[1] ?? match[2]!, port };
}

function parseUiFiles(cert: string | undefined, key: string | undefined) {
  if (cert === undefined && key === undefined) return undefined;
  if (!cert || !key) throw new UsageError('--ui-cert and --ui-key belong together: give both');
  return { cert, key };
}

function parseHost(text: string, option = '--host'): { host: string; port: number } {
  const match = /^tcp:\/\/(?:\[([^\]]+)\]|([^:/]+)):(\d{1,5})\/?$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port < 1 || port > 65535)
    throw new UsageError(`${option} takes tcp://ADDRESS:PORT, not ${text} (the unix socket is --socket)`);
  return { host: match[1] ?? match[2]!, port };
}

function parsePort(text: string, option: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : -1;
  if (port < 0 || port > 65535) throw new UsageError(`${option} takes a port from 0 to 65535, not ${text}`);
  return port;
}

const UNITS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function parseTime(text: string): number {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const time = Number(count) * (UNITS[unit ?? ''] ?? 0);
  if (!(time > 0)) throw new UsageError(`--backup-every takes a time like 30m, 6h or 1d, not ${text}`);
  return time;
}

function parseKeep(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1)
    throw new UsageError(`--backup-keep takes a number from 1, not ${text}`);
  return count;
}
