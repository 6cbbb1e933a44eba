/** etcd's old API: a tree of keys with times to live. */
import { type Call, type Hosts, textOf } from './http.ts';
import type { KeyStore } from './keyed.ts';

/** etcd's codes of errors. */
const NOT_FOUND = 100;
const COMPARE_FAILED = 101;
const EXISTS = 105;
const INDEX_CLEARED = 401;

interface Node {
  value?: string;
  nodes?: Node[];
}

interface Result {
  node?: Node;
  errorCode?: number;
  message?: string;
  cause?: string;
  /** The index of the store at that moment. */
  index: string;
}

export function etcdV2(hosts: Hosts): KeyStore {
  const ask = async (call: Omit<Call, 'path'>, key: string, query = ''): Promise<Result> => {
    const path = `/v2/keys/${key.split('/').map(encodeURIComponent).join('/')}${query}`;
    const answer = await hosts.call({ ...call, path });
    const text = await textOf(answer);
    const index = String(answer.headers['x-etcd-index'] ?? '0');
    // A watch that etcd ends has an empty answer.
    return { ...(text.trim() === '' ? {} : (JSON.parse(text) as Result)), index };
  };
  const done = (result: Result, ...expected: number[]): Result => {
    if (result.errorCode === undefined || expected.includes(result.errorCode)) return result;
    throw new Error(`etcd: ${result.errorCode}: ${result.message} (${result.cause})`);
  };
  const write = (key: string, fields: Record<string, string>, signal: AbortSignal): Promise<Result> =>
    ask({ method: 'PUT', body: new URLSearchParams(fields).toString(), signal }, key);
  const seconds = (ttl: number): string => String(Math.max(1, Math.ceil(ttl)));
  return {
    async list(prefix, signal) {
      const result = done(await ask({ method: 'GET', signal }, prefix, '?recursive=true'), NOT_FOUND);
      return { values: valuesOf(result.node), at: result.index };
    },
    async changed(prefix, at, signal) {
      const query = `?wait=true&recursive=true&waitIndex=${BigInt(at) + 1n}`;
      const forever = 2 ** 31 - 1;
      done(await ask({ method: 'GET', signal, patience: forever }, prefix, query), INDEX_CLEARED);
    },
    async put(key, value, ttl, signal) {
      done(await write(key, { value, ttl: seconds(ttl) }, signal));
    },
    async keep(key, value, signal) {
      done(await write(key, { value }, signal));
    },
    async remove(key, signal) {
      done(await ask({ method: 'DELETE', signal }, key), NOT_FOUND);
    },
    async acquire(key, value, ttl, signal) {
      const taken = await write(key, { value, ttl: seconds(ttl), prevExist: 'false' }, signal);
      if (done(taken, EXISTS).errorCode === EXISTS) return undefined;
      return {
        async renew(signal) {
          const renewed = await write(key, { value, ttl: seconds(ttl), prevValue: value }, signal);
          return done(renewed, COMPARE_FAILED, NOT_FOUND).errorCode === undefined;
        },
        async release(signal) {
          await ask({ method: 'DELETE', signal }, key, `?prevValue=${encodeURIComponent(value)}`);
        },
      };
    },
  };
}

function valuesOf(node: Node | undefined): string[] {
  if (!node) return [];
  return node.nodes ? node.nodes.flatMap(valuesOf) : node.value === undefined ? [] : [node.value];
}
