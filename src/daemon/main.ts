/** `essaim daemon`: puts the parts of a host together, and takes them apart again in order. */
import { mkdirSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { accessRoutes } from '../access/routes.ts';
import { SocketAudit } from '../access/socket-audit.ts';
import { wallRoutes } from '../access/walls.ts';
import { backupRoutes } from '../api/backup.ts';
import { mergedRoutes } from '../api/merged/routes.ts';
import { networkCheckRoutes } from '../api/networks-check.ts';
import { ApiServer } from '../api/server.ts';
import { swarmRoutes } from '../api/swarm/routes.ts';
import { type EngineClient, unixEngine } from '../engine/client.ts';
import type { Format } from '../metrics/figures.ts';
import { Metrics } from '../metrics/metrics.ts';
import { metricsRoutes, serveMetrics } from '../metrics/routes.ts';
import { systemClock } from '../model/clock.ts';
import type { RegistryHost } from '../registry/host.ts';
import { registryRoutes } from '../registry/routes.ts';
import { UiHost } from '../ui/host.ts';
import { hereRoutes } from '../ui/hosts/here/routes.ts';
import { statsHereRoutes } from '../ui/hosts/here/stats.ts';
import { registriesRoutes } from '../ui/hosts/registries.ts';
import { hostRoutes } from '../ui/hosts/routes.ts';
import { statsRoutes } from '../ui/hosts/stats.ts';
import { lookRoutes, uiRoutes } from '../ui/routes.ts';
import { stackRoutes } from '../ui/stacks/routes.ts';
import type { BackupOptions } from './backup/schedule.ts';
import { ClusterEndpoint } from './cluster-endpoint.ts';
import { NodesOfManager } from './manager/nodes.ts';
import { HostMembership } from './membership/membership.ts';
import { type DaemonOptions, parseOptions, USAGE, UsageError } from './options.ts';
import { createLog, type Log } from './process/log.ts';
import { comeFirst } from './process/priority.ts';
import { giveBack } from './process/spare.ts';
import { turnsOnSignal } from './process/turns.ts';
import { HostStats } from './stats.ts';
import { serveTokens } from './tokens.ts';

/** How long (ms) answers that other managers wait for may take once another one leads. */
const ANSWERS_PATIENCE = 2_000;

/**
 * Runs until SIGTERM or SIGINT, which leave containers running, or until SIGPWR: the host is about to be switched off.
 * @throws UsageError, or an error that says why the daemon cannot start */
export async function runDaemon(argv: readonly string[]): Promise<void> {
  const options = parseOptions(argv);
  if (options === 'help') {
    process.stdout.write(USAGE);
    return;
  }
  comeFirst();
  const log = createLog(options.logLevel);
  const endTurns = turnsOnSignal(log);
  const engine = unixEngine(options.engine);
  const clientsWait = () => server.answering;
  const itself = unixEngine(options.socket);
  const metrics = new Metrics();
  let registry: RegistryHost | undefined;
  const figures = (format: Format): string => {
    const networks = () => membership.networkCounters();
    const shown = { version: packageJson.version, membership, networks, registry: () => registry?.figures };
    return metrics.text(shown, format);
  };
  const membership = new HostMembership({
    ...{ data: options.data, engine, clock: systemClock, clientsWait, log, measure: metrics.measure },
    serveApi: (connection) => server.serve(connection),
    connectApi: () => itself.connect(),
  });
  const nodes = new NodesOfManager({ membership, log });
  let ui: UiHost | undefined;
  const screens = [
    accessRoutes,
    wallRoutes,
    lookRoutes,
    stackRoutes(options.socket),
    uiRoutes(() => ui?.state),
  ];
  const stats = new HostStats({ membership, engine, log });
  const hosts = [
    ...[hereRoutes, statsHereRoutes(() => stats.source), statsRoutes],
    hostRoutes((manager) => nodes.of(manager)),
    registriesRoutes((manager) => nodes.of(manager)),
  ];
  const { clusterStrategy: strategy, tokenHosts } = options;
  const cluster = new ClusterEndpoint({ membership, nodes, strategy, log });
  const own = [
    networkCheckRoutes,
    cluster.routes,
    backupRoutes,
    registryRoutes,
    metricsRoutes(figures),
    ...screens,
    ...hosts,
  ];
  const routes = [...mergedRoutes(packageJson.version), swarmRoutes, ...own];
  const audit = new SocketAudit({
    ...{ clock: systemClock, host: hostname(), isManager: () => membership.manager() !== undefined },
    tell: (entries) => itself.json('POST', '/essaim/audit', { body: { entries } }),
  });
  const server: ApiServer = new ApiServer({
    ...{ engine, membership, log, routes },
    answered: (answered) => metrics.answered(answered),
    written: (written) => audit.note(written),
  });
  const stopped = Promise.race([once('SIGTERM'), once('SIGINT')]);
  const switchedOff = once('SIGPWR');
  // What this host was is taken up before clients are let in: no answer says "inactive" by mistake.
  await membership.resume();
  metrics.follow(membership);
  // Before the API, by which others see that the daemon is up: an address or discovery that it cannot have ends it.
  registry = await startRegistry(options, itself, membership, log);
  const scraped = await Promise.all(options.metricsHosts.map((where) => serveMetrics(where, figures)));
  const closeTokens = await serveTokens(tokenHosts);
  const keepKnown = options.discovery && (await import('./known.ts')).keeperOf(options.discovery, log);
  await listen(server, cluster, options);
  log.info({ socket: options.socket, engine: options.engine }, 'serving the Docker API');
  ui = startUi(options, membership, nodes, log);
  const ending = new AbortController();
  const backups = options.backup && startBackups(options.backup, membership, log, ending.signal);
  const givingBack = giveBack(systemClock, ending.signal);
  const known = keepKnown?.(ending.signal);
  const signal = await Promise.race([stopped, switchedOff]);
  // First of all, while everything here still works: what clients ask for meanwhile is passed on.
  await membership.handOver();
  await server.settled(ANSWERS_PATIENCE);
  if (signal === 'SIGPWR') {
    log.info({}, 'the host is shutting down: its tasks are stopped');
    await Promise.race([stopped, membership.switchOff()]);
  }
  log.info({ signal }, 'stopping');
  endTurns();
  ui?.close();
  ending.abort();
  await Promise.all([backups, givingBack]);
  await registry?.close();
  for (const each of scraped) {
    each.close();
    each.closeAllConnections();
  }
  await known;
  await audit.flush();
  closeTokens();
  server.close();
  await cluster.close();
  await nodes.close();
  await stats.close();
  itself.close();
  await membership.close();
  engine.close();
}

function startUi(
  { ui, socket }: DaemonOptions,
  membership: HostMembership,
  nodes: NodesOfManager,
  log: Log,
): UiHost | undefined {
  if (!ui) return undefined;
  const { host, port, names, certificate: files } = ui;
  const certificate = files && { cert: readPem(files.cert), key: readPem(files.key) };
  return new UiHost({
    ...{ membership, socket, host, port, names, certificate, log },
    nodes: (manager) => nodes.of(manager),
    clock: systemClock,
  });
}

async function startRegistry(
  { registryHosts, registryDnsPort: dnsPort }: DaemonOptions,
  api: EngineClient,
  membership: HostMembership,
  log: Log,
): Promise<RegistryHost | undefined> {
  if (registryHosts.length === 0) return undefined;
  // What only a registry needs costs others no memory.
  const { RegistryHost } = await import('../registry/host.ts');
  const { version } = packageJson;
  const where = { addresses: registryHosts, dnsPort };
  return RegistryHost.start({ ...where, api, membership, version, clock: systemClock, log });
}

function once(signal: NodeJS.Signals): Promise<NodeJS.Signals> {
  return new Promise((resolve) => process.once(signal, resolve));
}

async function startBackups(
  options: BackupOptions,
  membership: HostMembership,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const { runSchedule } = await import('./backup/schedule.ts');
  await runSchedule(options, { manager: () => membership.manager(), clock: systemClock, log, signal });
}

async function listen(server: ApiServer, cluster: ClusterEndpoint, options: DaemonOptions): Promise<void> {
  mkdirSync(dirname(options.socket), { recursive: true });
  await server.listenUnix(options.socket);
  await cluster.listenUnix(join(dirname(options.socket), 'cluster.sock'));
  if (!options.tls) return;
  const tls = {
    ca: readPem(options.tls.ca),
    cert: readPem(options.tls.cert),
    key: readPem(options.tls.key),
  };
  for (const { host, port } of options.hosts) await server.listenTls(host, port, tls);
  for (const { host, port } of options.clusterHosts) cluster.listenTls(host, port, tls);
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${(error as Error).message}`);
  }
}
