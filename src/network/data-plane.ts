/** Puts the data plane of a host together: states in, kernel, engine and plugin in agreement with them. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { NetworkState, OverlayState } from '../model/network-state.ts';
import { isV4 } from './address.ts';
import type {
  DataPlane,
  DataPlaneCounters,
  DataPlaneOptions,
  Difference,
  DnsListenAddress,
  EngineNetwork,
} from './contract.ts';
import { EngineNetworks } from './engine-networks.ts';
import { HostSide } from './host.ts';
import { readJson } from './json-file.ts';
import { LatestFile } from './latest-file.ts';
import { LostPorts } from './lost-ports.ts';
import { assignSlots, type Link, linkOf, NAMESPACE_PREFIX, namespaceOf } from './names.ts';
import { destroyNamespace, hasPorts, namespaceExists, Overlay } from './overlay.ts';
import { gatewaysOf } from './overlay-rules.ts';
import { OverlayDriver } from './plugin/driver.ts';
import { type PluginServer, servePlugin } from './plugin/server.ts';
import { Serial } from './serial.ts';
import { throughTunnels } from './wireguard/plan.ts';
import { CannotEncryptError, Tunnels } from './wireguard/tunnels.ts';

/** Between two looks at the kernel (ms); longer where looking takes long, but drift is mended within seconds. */
const CHECK_PERIOD = 2_000;
const CHECK_SHARE = 20;
const MAX_CHECK_PERIOD = 4_000;
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
  readonly #overlays = new Map<string, Overlay>();
  readonly #work = new Serial();
  readonly #closed = new AbortController();
  /** Called after each pass, for those who wait for something to be there. */
  readonly #waiting = new Set<() => void>();
  readonly #dnsListeners = new Set<(addresses: DnsListenAddress[]) => void>();
  #dns = '[]';
  #plugin: PluginServer | undefined;
  #slots = new Map<string, number>();
  #wanted: NetworkState | undefined;
  #done: NetworkState | undefined;
  /** What an earlier process has applied. */
  #before: NetworkState | undefined;
  #pass: Promise<void> | undefined;
  #cancelTick = (): void => {};
  #prune = true;
  /** Why there are no encrypted networks on this host, though it is to have some. */
  #cannotEncrypt: CannotEncryptError | undefined;
  /** What was told last of why it does not work: it is told once. */
  #trouble = '';

  constructor(options: DataPlaneOptions, tunnels: Tunnels) {
    this.#options = options;
    this.#tunnels = tunnels;
    this.#host = new HostSide({ underlayAddress: options.underlayAddress });
    this.#engineNetworks = new EngineNetworks(options.engine);
    this.#file = new LatestFile(this.#statePath, (error) =>
      options.log.warn({ err: error }, 'the state of the networks cannot be kept for the next start'),
    );
    this.#driver = new OverlayDriver({
      stateDir: options.stateDir,
      overlay: (networkId) => this.#waitFor(networkId, AbortSignal.timeout(PATIENCE)),
      find: (networkId) => this.#overlays.get(networkId),
      now: () => options.clock.now(),
      failed: (error) => options.log.warn({ err: error }, 'the network plugin has failed'),
      gone: () => {
        this.#prune = true;
        this.#tickIn(0);
      },
    });
  }

  get tunnelKey(): string {
    return this.#tunnels.publicKey;
  }

  get state(): NetworkState | undefined {
    return this.#wanted;
  }

  get revision(): number | undefined {
    return this.#done?.revision;
  }

  get #statePath(): string {
    return join(this.#options.stateDir, 'state.json');
  }

  async start(): Promise<void> {
    const { pluginSocket = PLUGIN_SOCKET, log } = this.#options;
    this.#slots = await this.#host.adopt();
    this.#before = await readJson<NetworkState>(this.#statePath);
    // The engine may be waiting for the plugin: it is served before anything else is done.
    this.#plugin = await servePlugin(pluginSocket, this.#driver, log);
    if (this.#before) {
      await this.apply(this.#before).catch((error: unknown) =>
        log.warn({ err: error }, 'the last known networks are not up yet'),
      );
    }
    await this.#driver.forgetLost();
    this.#tickIn(CHECK_PERIOD);
  }

  async apply(state: NetworkState): Promise<void> {
    this.#closed.signal.throwIfAborted();
    this.#wanted = state;
    this.#prune = true;
    await this.#run();
  }

  async ensureNetwork(networkId: string, signal: AbortSignal): Promise<EngineNetwork> {
    const overlay = await this.#waitFor(networkId, signal);
    const network = await this.#engineNetworks.ensure(overlay.state!, this.#wantedIds());
    // The engine tells it once, when it makes the network: that may have been before this host's state was lost.
    await this.#driver.know(network.engineNetworkId, networkId);
    return network;
  }

  networksInUse(): string[] {
    return [...this.#overlays].filter(([, overlay]) => overlay.endpointIds.length > 0).map(([id]) => id);
  }

  dnsServerFor(networkId: string): string | undefined {
    const state = this.#overlays.get(networkId)?.state;
    return state && gatewaysOf(state).find(isV4);
  }

  dnsListenAddresses(): DnsListenAddress[] {
    return [...this.#overlays]
      .filter(([, overlay]) => overlay.state)
      .map(([networkId, overlay]) => ({ networkId, address: overlay.link.hostAddress }));
  }

  onDnsListenAddresses(changed: (addresses: DnsListenAddress[]) => void): () => void {
    this.#dnsListeners.add(changed);
    return () => this.#dnsListeners.delete(changed);
  }

  check(): Promise<Difference[]> {
    return this.#check(false);
  }

  async close(): Promise<void> {
    if (!this.#closed.signal.aborted) this.#closed.abort(new Error('the data plane is closed'));
    this.#cancelTick();
    for (const wake of this.#waiting) wake();
    await this.#plugin?.close();
    this.#plugin = undefined;
    await this.#work.run(async () => {});
    await this.#file.settled();
  }

  async remove(): Promise<void> {
    this.#wanted = undefined;
    this.#cancelTick();
    await this.#work.run(async () => {
      await this.#engineNetworks.prune(new Set());
      await this.#host.remove();
      for (const overlay of this.#overlays.values()) await overlay.destroy();
      this.#overlays.clear();
      await this.#removeStrays(new Set());
      await this.#tunnels.remove();
    });
    await this.close();
    await rm(this.#options.stateDir, { recursive: true, force: true });
  }

  /** One pass at a time; those who call meanwhile share the one that follows. */
  #run(): Promise<void> {
    this.#pass ??= this.#work.run(() => {
      this.#pass = undefined;
      return this.#reconcile();
    });
    return this.#pass;
  }

  async #reconcile(): Promise<void> {
    const state = this.#wanted;
    if (!state || this.#closed.signal.aborted) return;
    const started = performance.now();
    const errors: Error[] = [];
    const attempt = async (work: () => Promise<void>): Promise<void> => {
      await work().catch((error: Error) => errors.push(error));
    };
    this.#file.put(state);
    const keep = [...this.#overlays].filter(([, overlay]) => overlay.endpointIds.length > 0);
    const ids = new Set([...state.networks.map((network) => network.id), ...keep.map(([id]) => id)]);
    this.#slots = assignSlots(ids, this.#slots);
    const { dataPathPort } = state;
    const apply = (network: OverlayState) => attempt(() => this.#applyOverlay(network, dataPathPort));
    const [plain, encrypted] = [false, true].map((which) =>
      state.networks.filter((network) => network.encrypted === which),
    ) as [OverlayState[], OverlayState[]];
    const tunnels = attempt(async () => {
      await this.#makeTunnels(encrypted, ids, dataPathPort);
      await Promise.all(encrypted.map(apply));
    });
    await Promise.all([tunnels, ...plain.map(apply)]);
    const links = new Map<string, Link>();
    for (const id of ids) {
      const overlay = this.#overlays.get(id);
      if (overlay?.state) links.set(id, overlay.link);
    }
    await attempt(() => this.#host.apply(this.#withKept(state, ids), links, this.#before));
    for (const [id, overlay] of this.#overlays) {
      if (ids.has(id)) continue;
      this.#overlays.delete(id);
      await attempt(() => overlay.destroy());
    }
    await attempt(() => this.#removeStrays(ids));
    if (errors.length === 0) {
      this.#trouble = '';
      this.#done = state;
      this.#before = undefined;
    }
    this.counters.applied++;
    this.counters.lastApplyMs = performance.now() - started;
    this.#tellDns();
    for (const wake of this.#waiting) wake();
    if (errors.length > 0) throw new AggregateError(errors, errors.map((error) => error.message).join('; '));
  }

  async #applyOverlay(network: OverlayState, dataPathPort: number): Promise<void> {
    let overlay = this.#overlays.get(network.id);
    if (!overlay) {
      const link = linkOf(this.#slots.get(network.id)!);
      const underlay = network.encrypted
        ? this.#tunnels.underlay
        : { address: this.#options.underlayAddress };
      overlay = new Overlay({ networkId: network.id, link, underlay });
      this.#overlays.set(network.id, overlay);
    }
    const before = this.#before?.networks.find(({ id }) => id === network.id);
    await overlay.apply(throughTunnels(network), dataPathPort, before);
  }

  /** Before the encrypted networks themselves: without tunnels they are not made at all. */
  async #makeTunnels(networks: OverlayState[], kept: ReadonlySet<string>, port: number): Promise<void> {
    this.#cannotEncrypt = undefined;
    try {
      await this.#tunnels.apply(networks, kept, port);
    } catch (error) {
      if (error instanceof CannotEncryptError) this.#cannotEncrypt = error;
      throw error;
    }
  }

  /** The state with the networks that it has no more but that containers are still on. */
  #withKept(state: NetworkState, ids: ReadonlySet<string>): NetworkState {
    const kept = [...this.#overlays].flatMap(([id, overlay]) =>
      ids.has(id) && overlay.state && !state.networks.some((network) => network.id === id)
        ? [overlay.state]
        : [],
    );
    return { ...state, networks: [...state.networks, ...kept] };
  }

  /** Removes namespaces that an earlier process left, unless a container is still on them. */
  async #removeStrays(ids: ReadonlySet<string>): Promise<void> {
    const known = new Set([...ids].map(namespaceOf));
    const names = await readdir('/run/netns').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    for (const name of names)
      if (name.startsWith(NAMESPACE_PREFIX) && !known.has(name) && (await namespaceExists(name))) {
        if (!(await hasPorts(name))) await destroyNamespace(name);
      }
  }

  async #waitFor(networkId: string, signal: AbortSignal): Promise<Overlay> {
    const over = AbortSignal.any([signal, this.#closed.signal]);
    for (;;) {
      over.throwIfAborted();
      const overlay = this.#overlays.get(networkId);
      if (overlay?.up) return overlay;
      const wanted = this.#wanted?.networks.find(({ id }) => id === networkId);
      if (wanted?.encrypted && this.#cannotEncrypt) throw this.#cannotEncrypt;
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          over.removeEventListener('abort', wake);
          resolve();
        };
        this.#waiting.add(wake);
        over.addEventListener('abort', wake);
      });
    }
  }

  #tickIn(ms: number): void {
    this.#cancelTick();
    if (this.#closed.signal.aborted) return;
    this.#cancelTick = this.#options.clock.timer(ms, () => {
      const { log } = this.#options;
      this.#tick()
        .catch((error: unknown) => {
          const trouble = error instanceof Error ? error.message : String(error);
          if (trouble !== this.#trouble)
            log.warn({ err: error }, 'the networks of this host are not as they should be yet');
          this.#trouble = trouble;
          return CHECK_PERIOD;
        })
        .then(
          (pause) => this.#tickIn(pause),
          () => {},
        );
    });
  }

  /** Mends what differs, carries on what has failed. Returns when to come again. */
  async #tick(): Promise<number> {
    const started = performance.now();
    // What cannot be done keeps nothing else from being done.
    const failures: unknown[] = [];
    const attempt = <T>(work: Promise<T>): Promise<T | undefined> =>
      work.catch((error: unknown) => {
        failures.push(error);
        return undefined;
      });
    const found = (await attempt(this.#work.run(() => this.#check(true)))) ?? [];
    if (found.length > 0) {
      this.counters.mended += found.length;
      this.#options.log.warn(
        { differences: found.slice(0, 20).map((difference) => difference.message) },
        `mended ${found.length} differences between the kernel and the networks`,
      );
    }
    if (this.#wanted !== this.#done) await attempt(this.#run());
    await this.#removeLost();
    if (this.#prune || this.#unused().length > 0) {
      this.#prune = !(await this.#pruneNetworks());
    }
    if (failures.length > 0) throw failures[0];
    const took = performance.now() - started;
    return Math.min(MAX_CHECK_PERIOD, Math.max(CHECK_PERIOD, CHECK_SHARE * took));
  }

  async #removeLost(): Promise<void> {
    const overlays = [...this.#overlays.values()];
    const ids = overlays.flatMap(({ endpointIds }) => endpointIds);
    const lost = await this.#lostPorts.find(ids, this.#options.clock.now());
    await Promise.all(lost.flatMap((id) => overlays.map((overlay) => overlay.leave(id))));
  }

  /** Networks that the state has no more go as soon as no container is on them: from the engine, then from the kernel. */
  async #pruneNetworks(): Promise<boolean> {
    if (!this.#wanted) return false;
    const done = await this.#engineNetworks.prune(this.#wantedIds());
    if (this.#unused().length > 0) await this.#run();
    return done;
  }

  #wantedIds(): Set<string> {
    return new Set(this.#wanted?.networks.map(({ id }) => id));
  }

  /** Overlays that the state has no more and no container is on. */
  #unused(): Overlay[] {
    const ids = this.#wantedIds();
    return [...this.#overlays].flatMap(([id, overlay]) =>
      ids.has(id) || overlay.endpointIds.length > 0 ? [] : [overlay],
    );
  }

  async #check(mend: boolean): Promise<Difference[]> {
    // What is wrong with tunnels does not keep anything else from being mended.
    const [tunnels] = await Promise.allSettled([this.#tunnels.check(mend)]);
    const overlays = [...this.#overlays.values()];
    const found = await Promise.all(overlays.map((overlay) => overlay.check(mend)));
    found.push(await this.#host.check(mend));
    if (tunnels.status === 'rejected') throw tunnels.reason;
    return [...tunnels.value, ...found.flat()];
  }

  #tellDns(): void {
    const addresses = this.dnsListenAddresses();
    const text = JSON.stringify(addresses);
    if (text === this.#dns) return;
    this.#dns = text;
    for (const changed of this.#dnsListeners) changed(addresses);
  }
}
