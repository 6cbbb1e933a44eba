/** Discovery and elections in a key–value store, under the keys that all programs of classic Swarm agree on. */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { DiscoveryError, type DiscoveryOptions } from './contract.ts';
import { addresses, sameEntries } from './entries.ts';
import type { StoreTls } from './http.ts';
import type { Found } from './parse.ts';

/** A store as it is needed here. All throw what the store, or the way to it, has against it. */
export interface KeyStore {
  /** All values below a key, and what to wait from. */
  list(prefix: string, signal: AbortSignal): Promise<{ values: string[]; at: string }>;
  /** Resolves when something below the key may have changed since `at`. */
  changed(prefix: string, at: string, signal: AbortSignal): Promise<void>;
  /** Writes a key that is gone after `ttl` seconds unless it is written again. */
  put(key: string, value: string, ttl: number, signal: AbortSignal): Promise<void>;
  /** Writes a key that stays. */
  keep(key: string, value: string, signal: AbortSignal): Promise<void>;
  /** Whether it is there or not. */
  remove(key: string, signal: AbortSignal): Promise<void>;
  /** Takes the key if nobody has it. Undefined: somebody has. */
  acquire(key: string, value: string, ttl: number, signal: AbortSignal): Promise<Held | undefined>;
}

export interface Held {
  /** For another `ttl`; false: it was lost. */
  renew(signal: AbortSignal): Promise<boolean>;
  release(signal: AbortSignal): Promise<void>;
}

export type OpenStore = (hosts: readonly string[], tls: StoreTls | undefined) => KeyStore;

const NODES = 'docker/swarm/nodes';
const LEADER = 'docker/swarm/leader';
const KEPT = 'docker/swarm/kept';
/** Seconds until a store is asked again that failed. */
const AGAIN = 10;
/** How long (ms) giving the lead back may take. */
const RELEASE_TIME = 2_000;

/** @param rest `host1,host2/prefix` @throws DiscoveryError */
export function keyedDiscovery(
  scheme: string,
  rest: string,
  open: OpenStore,
  options: DiscoveryOptions,
): Found {
  const [authority = '', ...path] = rest.split('/');
  const hosts = authority.split(',').filter(Boolean);
  if (hosts.length === 0)
    throw new DiscoveryError(`${scheme}:// needs the address of a store: ${scheme}://HOST:PORT/PREFIX`);
  const store = open(hosts, readTls(options.options));
  const prefix = path.filter(Boolean).join('/');
  const below = (name: string): string => (prefix === '' ? name : `${prefix}/${name}`);
  const nodes = below(options.options['kv.path'] ?? NODES);
  const kept = below(KEPT);
  return {
    discovery: {
      scheme,
      watch: (signal) => watch(store, nodes, options, signal),
      register: (address, ttl, signal) => store.put(`${nodes}/${address}`, address, ttl, signal),
    },
    election: {
      campaign: (address, ttl, heard, signal) =>
        campaign({ store, key: below(LEADER), address, ttl, heard, failed: options.failed }, signal),
    },
    shelf: {
      all: async (signal) => (await store.list(kept, signal)).values,
      put: (name, value, signal) => store.keep(`${kept}/${name}`, value, signal),
      remove: (name, signal) => store.remove(`${kept}/${name}`, signal),
    },
  };
}

async function* watch(
  store: KeyStore,
  prefix: string,
  { failed, heartbeat }: DiscoveryOptions,
  signal: AbortSignal,
): AsyncGenerator<readonly string[]> {
  let known: readonly string[] | undefined;
  while (!signal.aborted) {
    try {
      const { values, at } = await store.list(prefix, signal);
      const entries = addresses(values);
      if (!sameEntries(known, entries)) {
        known = entries;
        yield entries;
      }
      await store.changed(prefix, at, signal);
    } catch (error) {
      if (signal.aborted) return;
      failed(error as Error);
      await delay(Math.min(heartbeat, AGAIN) * 1000, undefined, { signal }).catch(() => undefined);
    }
  }
}

interface Campaign {
  store: KeyStore;
  key: string;
  address: string;
  ttl: number;
  heard: (leader: string | undefined) => void;
  failed: (error: Error) => void;
}

async function campaign(options: Campaign, signal: AbortSignal): Promise<void> {
  const { store, key, address, ttl, heard, failed } = options;
  while (!signal.aborted) {
    try {
      const held = await store.acquire(key, address, ttl, signal);
      if (held) {
        heard(address);
        await hold(held, options, signal);
        heard(undefined);
        continue;
      }
      const { values, at } = await store.list(key, signal);
      // Nobody: it was given up in between.
      if (values[0] === undefined) continue;
      heard(values[0]);
      const patience = AbortSignal.any([signal, AbortSignal.timeout(ttl * 1000)]);
      await store.changed(key, at, patience).catch((error: unknown) => {
        if (!patience.aborted) throw error;
      });
    } catch (error) {
      if (signal.aborted) return;
      failed(error as Error);
      heard(undefined);
      await delay(Math.min(ttl / 2, AGAIN) * 1000, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** Leads until the lead is lost, or given back because the signal says so. */
async function hold(held: Held, { ttl, failed }: Campaign, signal: AbortSignal): Promise<void> {
  let sure = performance.now();
  while (!signal.aborted) {
    await delay((ttl / 3) * 1000, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) break;
    const asked = performance.now();
    try {
      if (!(await held.renew(signal))) return;
      sure = asked;
    } catch (error) {
      if (signal.aborted) break;
      failed(error as Error);
      // From here on somebody else may lead.
      if (performance.now() - sure > (ttl * 1000 * 2) / 3) return;
    }
  }
  await held.release(AbortSignal.timeout(RELEASE_TIME)).catch(() => undefined);
}

function readTls(options: Readonly<Record<string, string>>): StoreTls | undefined {
  const [ca, cert, key] = ['kv.cacertfile', 'kv.certfile', 'kv.keyfile'].map((name) => options[name]);
  if (!ca && !cert && !key) return undefined;
  if (!ca || !cert || !key)
    throw new DiscoveryError('TLS to the store needs kv.cacertfile, kv.certfile and kv.keyfile');
  const read = (file: string): string => {
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      throw new DiscoveryError(`cannot read ${file}: ${(error as Error).message}`);
    }
  };
  return { ca: read(ca), cert: read(cert), key: read(key) };
}
