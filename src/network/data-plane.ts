/** Puts the data plane of a host together: states in, kernel, engine and plugin in agreement with them. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { ListedOverlay, NetworkState } from '../model/network-state.ts';
import { isV4 } from './address.ts';
import type {
  DataPlane,
  DataPlaneCounters,
  DataPlaneOptions,
  Difference,
  DnsListenAddress,
  EngineNetwork,
  IngressContainer,
  LateContainer,
} from './contract.ts';
import { Drift } from './drift.ts';
import { HostSide } from './host/host.ts';
import { TableWatch } from './host/table-watch.ts';
import { presentState } from './overlay/gone.ts';
import { LostPorts } from './overlay/lost-ports.ts';
import type { Overlay } from './overlay/overlay.ts';
import { gatewaysOf } from './overlay/rules.ts';
import { Overlays } from './overlays.ts';
import { OverlayDriver } from './plugin/driver.ts';
import { EngineNetworks } from './plugin/engine-networks.ts';
import { completeIngress } from './plugin/ingress-container.ts';
import { type PluginServer, servePlugin } from './plugin/server.ts';
import { attempts, together } from './rounds/attempts.ts';
import { Looks } from './rounds/looks.ts';
import { Rounds } from './rounds/rounds.ts';
import { Serial } from './rounds/serial.ts';
import { Followers } from './state/followers.ts';
import { readJson } from './state/json-file.ts';
import { LatestFile } from './state/latest-file.ts';
import { Tunnels } from './wireguard/tunnels.ts';

/** The longest (ms) that a pass waits after the one before. */
const LONGEST_REST = 100;
/** How long the engine's calls wait for a network that is not here yet (ms). */
const PATIENCE = 15_000;
export const PLUGIN_SOCKET = '/run/docker/plugins/essaim.sock';

/** Resolves when the plugin serves and, if there is a last state, the kernel is as it says. */
export async function createDataPlane(options: DataPlaneOptions): Promise<DataPlane> {
  const { stateDir, clock } = options;
  const tunnels = await Tunnels.open({ stateDir, now: () => clock.now() });
  const plane = new HostDataPlane(options, tunnels);
  await plane.start();
  return plane;
}

class HostDataPlane implements DataPlane {
  readonly counters: DataPlaneCounters = { mended: 0, applied: 0, lastApplyMs: 0 };
  readonly #options: DataPlaneOptions;
  readonly #host: HostSide;
  readonly #tunnels: Tunnels;
  readonly #engineNetworks: EngineNetworks;
  readonly #driver: OverlayDriver;
  readonly #file: LatestFile;
  readonly #lostPorts = new LostPorts();
  readonly #overlays: Overlays;
  readonly #drift: Drift;
  readonly #rounds: Rounds;
  readonly #work = new Serial();
  readonly #closed = new AbortController();
  /** After each pass whoever waits for a network looks whether it is there. */
  readonly #passes = new Looks();
  readonly #dns = new Followers<DnsListenAddress[]>([]);
  readonly #late = new Followers<LateContainer[]>([]);
  /** Of who is left out as gone. */
  readonly #gone = new Followers<Array<[string, string[]]>>([]);
  #plugin: PluginServer | undefined;
  #tableWatch: TableWatch | undefined;
  #wanted: NetworkState | undefined;
  #done: NetworkState | undefined;
  /** What an earlier process has applied. */
  #before: NetworkState | undefined;
  #pass: Promise<void> | undefined;
  /** When the next pass may begin, by `performance.now()`. */
  #restsUntil = 0;
  /** Of the networks to be listed, the ids of those that the engine has been told of. */
  #shown: ReadonlySet<string> = new Set();
  #prune = true;

  constructor(options: DataPlaneOptions, tunnels: Tunnels) {
    this.#options = options;
    this.#tunnels = tunnels;
    this.#host = new HostSide({ underlayAddress: options.underlayAddress });
    this.#overlays = new Overlays(tunnels, options.underlayAddress);
    const [host, overlays, counters] = [this.#host, this.#overlays, this.counters];
    this.#drift = new Drift({ tunnels, overlays, host, counters, log: options.log });
    this.#engineNetworks = new EngineNetworks(options.engine, (networkId) => this.#isKnown(networkId));
    this.#rounds = new Rounds({
      steps: [
        () => this.#carryOn(),
        () => this.#work.run(() => this.#drift.mend()),
        () => this.#removeLost(),
        () => this.#pruneNetworks(),
        () => this.#showListed(),
      ],
      clock: options.clock,
      log: options.log,
    });
    this.#file = new LatestFile(this.#statePath, (error) =>
      options.log.warn({ err: error }, 'the state of the networks cannot be kept for the next start'),
    );
    this.#driver = new OverlayDriver({
      stateDir: options.stateDir,
      overlay: (networkId) => this.#waitFor(networkId, AbortSignal.timeout(PATIENCE)),
      find: (networkId) => this.#overlays.get(networkId),
      now: () => options.clock.now(),
      failed: (error) => options.log.warn({ err: error }, 'the network plugin has failed'),
      lateChanged: () => this.#late.tell(this.#driver.lateContainers()),
      named: async (sandbox) => options.named?.(sandbox),
      gone: () => {
        this.#prune = true;
        this.#rounds.soon();
      },
    });
  }

  get tunnelKey(): string {
    return this.#tunnels.publicKey;
  }

  get state(): NetworkState | undefined {
    return this.#wanted;
  }

  present(state: NetworkState): NetworkState {
    return presentState(state, this.#overlays.gone);
  }

  onGone(changed: () => void): () => void {
    return this.#gone.add(changed);
  }

  get revision(): number | undefined {
    return this.#done?.revision;
  }

  get #statePath(): string {
    return join(this.#options.stateDir, 'state.json');
  }

  async start(): Promise<void> {
    const { pluginSocket = PLUGIN_SOCKET, log } = this.#options;
    this.#overlays.adopt(await this.#host.adopt());
    this.#before = await readJson<NetworkState>(this.#statePath);
    // The engine may be waiting for the plugin: it is served before anything else is done.
    this.#plugin = await servePlugin(pluginSocket, this.#driver, log);
    if (this.#before) {
      await this.apply(this.#before).catch((error: unknown) =>
        log.warn({ err: error }, 'the last known networks are not up yet'),
      );
    }
    await this.#driver.forgetLost();
    this.#tableWatch = new TableWatch({ deleted: () => void this.#mendTable(), clock: this.#options.clock });
    this.#rounds.next();
  }

  async apply(state: NetworkState): Promise<void> {
    this.#closed.signal.throwIfAborted();
    this.#wanted = state;
    this.#prune = true;
    if (this.#listed.some(({ id }) => !this.#shown.has(id))) this.#rounds.soon();
    await this.#run();
  }

  async moveTo(underlayAddress: string): Promise<void> {
    this.#host.moveTo(underlayAddress);
    this.#overlays.moveTo(underlayAddress);
    await this.#run();
  }

  async ensureNetwork(networkId: string, signal: AbortSignal): Promise<EngineNetwork> {
    const overlay = await this.#waitFor(networkId, signal);
    return this.#makeKnown(overlay.state!);
  }

  async complete(container: IngressContainer): Promise<void> {
    const state = this.#overlays.get(container.networkId)?.state;
    if (state?.ingress) await completeIngress(container, gatewaysOf(state));
  }

  networksInUse(): string[] {
    return this.#overlays.inUse;
  }

  dnsServerFor(networkId: string): string | undefined {
    const state = this.#overlays.get(networkId)?.state;
    return state && gatewaysOf(state).find(isV4);
  }

  dnsListenAddresses(): DnsListenAddress[] {
    return this.#overlays.here.map(({ networkId, link }) => ({ networkId, address: link.hostAddress }));
  }

  onDnsListenAddresses(changed: (addresses: DnsListenAddress[]) => void): () => void {
    return this.#dns.add(changed);
  }

  lateContainers(): LateContainer[] {
    return this.#driver.lateContainers();
  }

  onLateContainers(changed: (late: LateContainer[]) => void): () => void {
    return this.#late.add(changed);
  }

  check(): Promise<Difference[]> {
    return this.#drift.find();
  }

  async close(): Promise<void> {
    if (!this.#closed.signal.aborted) this.#closed.abort(new Error('the data plane is closed'));
    this.#rounds.close();
    this.#tableWatch?.close();
    await this.#plugin?.close();
    this.#plugin = undefined;
    await this.#work.run(async () => {});
    await this.#file.settled();
  }

  async remove(): Promise<void> {
    this.#wanted = undefined;
    this.#rounds.close();
    this.#tableWatch?.close();
    await this.#work.run(async () => {
      await this.#engineNetworks.prune();
      await this.#host.remove();
      await this.#overlays.destroy();
      await this.#tunnels.remove();
    });
    await this.close();
    await rm(this.#options.stateDir, { recursive: true, force: true });
  }

  /**
   * One pass at a time; those who call meanwhile share the one that follows. While many containers start, each of which
   * changes the networks of every host, that one waits for as long as the last one took: the processors are for the
   * containers.
   */
  #run(): Promise<void> {
    this.#pass ??= this.#work.run(async () => {
      const rest = this.#restsUntil - performance.now();
      if (rest > 0) await setTimeout(rest, undefined, { signal: this.#closed.signal }).catch(() => {});
      this.#pass = undefined;
      await this.#reconcile();
    });
    return this.#pass;
  }

  async #reconcile(): Promise<void> {
    const state = this.#wanted;
    if (!state || this.#closed.signal.aborted) return;
    const started = performance.now();
    const { failures, attempt } = attempts();
    this.#file.put(state);
    await this.#overlays.apply(state, this.#before, attempt);
    const gone = [...this.#overlays.gone];
    await attempt(() => this.#applyHost(state));
    await this.#overlays.removeOthers(attempt);
    if (failures.length === 0) {
      this.#done = state;
      this.#before = undefined;
    }
    this.counters.applied++;
    const ended = performance.now();
    this.counters.lastApplyMs = ended - started;
    this.#restsUntil = ended + Math.min(ended - started, LONGEST_REST);
    this.#dns.tell(this.dnsListenAddresses());
    this.#gone.tell(gone);
    this.#passes.again();
    if (failures.length > 0) throw together(failures);
  }

  /** The host's side of all overlays that are here, those that only containers keep here too. */
  #applyHost(state: NetworkState): Promise<void> {
    const known = new Set(state.networks.map(({ id }) => id));
    const { here } = this.#overlays;
    const kept = here.filter(({ networkId }) => !known.has(networkId)).map((overlay) => overlay.state);
    const links = new Map(here.map(({ networkId, link }) => [networkId, link]));
    const present = this.present({ ...state, networks: [...state.networks, ...kept] });
    return this.#host.apply(present, links, this.#before);
  }

  #waitFor(networkId: string, signal: AbortSignal): Promise<Overlay> {
    const find = (): Overlay | undefined => {
      const overlay = this.#overlays.get(networkId);
      const wanted = this.#wanted?.networks.find(({ id }) => id === networkId);
      // One that is up and not wanted is about to be removed.
      if (overlay?.up && wanted) return overlay;
      const { cannotEncrypt } = this.#overlays;
      if (wanted?.encrypted && cannotEncrypt) throw cannotEncrypt;
      return undefined;
    };
    return this.#passes.until(find, AbortSignal.any([signal, this.#closed.signal]));
  }

  async #mendTable(): Promise<void> {
    // Whoever has taken that has hardly taken it alone.
    if (await this.#drift.mendTable()) this.#rounds.soon();
  }

  /** Tries again what could not be done of the newest state, and follows what has become of this host's containers. */
  async #carryOn(): Promise<void> {
    if (this.#wanted !== this.#done || !this.#gone.know([...this.#overlays.gone])) await this.#run();
  }

  async #removeLost(): Promise<void> {
    const overlays = this.#overlays.all;
    const ids = overlays.flatMap(({ endpointIds }) => endpointIds);
    const lost = await this.#lostPorts.find(ids, this.#options.clock.now());
    await Promise.all(lost.flatMap((id) => overlays.map((overlay) => overlay.leave(id))));
  }

  /** Networks that the state has no more go as soon as no container is on them: from the engine, then from the kernel. */
  async #pruneNetworks(): Promise<void> {
    if (!this.#wanted) return;
    if (!this.#prune && !this.#hasUnused()) return;
    this.#prune = false;
    try {
      if (!(await this.#engineNetworks.prune())) this.#prune = true;
    } catch (error) {
      this.#prune = true;
      throw error;
    }
    if (this.#hasUnused()) await this.#run();
  }

  /** The engine has the network of the routing mesh on each host, also on one that has no part in it. */
  async #showListed(): Promise<void> {
    const listed = this.#listed;
    for (const network of listed) if (!this.#shown.has(network.id)) await this.#makeKnown(network);
    this.#shown = new Set(listed.map(({ id }) => id));
  }

  get #listed(): readonly ListedOverlay[] {
    return this.#wanted?.listed ?? [];
  }

  async #makeKnown(overlay: ListedOverlay): Promise<EngineNetwork> {
    const network = await this.#engineNetworks.ensure(overlay);
    // The engine tells it once, when it makes the network: that may have been before this host's state was lost.
    await this.#driver.know(network.engineNetworkId, overlay.id);
    return network;
  }

  #hasUnused(): boolean {
    return this.#overlays.hasUnused((networkId) => this.#isWanted(networkId));
  }

  /** Whether the host has a part in it. */
  #isWanted(networkId: string): boolean {
    return this.#wanted?.networks.some(({ id }) => id === networkId) ?? false;
  }

  /** Whether its engine is to know it. */
  #isKnown(networkId: string): boolean {
    return this.#isWanted(networkId) || this.#listed.some(({ id }) => id === networkId);
  }
}
