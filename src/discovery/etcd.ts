/**
 * etcd, by HTTP. Where it offers its old API (v2), that is spoken, as other programs of classic Swarm know no other one;
 * else the new one (v3), as JSON.
 */
import { etcdV2 } from './etcd-v2.ts';
import { etcdV3 } from './etcd-v3.ts';
import { Hosts } from './http.ts';
import type { KeyStore, OpenStore } from './keyed.ts';

export const etcdStore: OpenStore = (addresses, tls) => {
  const hosts = new Hosts(addresses, tls);
  let chosen: Promise<KeyStore> | undefined;
  const store = (signal: AbortSignal): Promise<KeyStore> => {
    chosen ??= choose(hosts, signal).catch((error: unknown) => {
      chosen = undefined;
      throw error;
    });
    return chosen;
  };
  return {
    list: async (prefix, signal) => (await store(signal)).list(prefix, signal),
    changed: async (prefix, at, signal) => (await store(signal)).changed(prefix, at, signal),
    put: async (key, value, ttl, signal) => (await store(signal)).put(key, value, ttl, signal),
    keep: async (key, value, signal) => (await store(signal)).keep(key, value, signal),
    remove: async (key, signal) => (await store(signal)).remove(key, signal),
    acquire: async (key, value, ttl, signal) => (await store(signal)).acquire(key, value, ttl, signal),
  };
};

async function choose(hosts: Hosts, signal: AbortSignal): Promise<KeyStore> {
  const answer = await hosts.call({ method: 'GET', path: '/v2/keys/', signal });
  answer.resume();
  return answer.statusCode === 404 ? etcdV3(hosts) : etcdV2(hosts);
}
