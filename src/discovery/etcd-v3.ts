/** etcd's new API, as JSON by its gateway: flat keys in base64, times to live by leases. */
import { jsonLines } from '../engine/lines.ts';
import { type Hosts, textOf } from './http.ts';
import type { KeyStore } from './keyed.ts';

interface Range {
  header: { revision: string };
  kvs?: Array<{ value?: string }>;
}

const encode = (text: string): string => Buffer.from(text).toString('base64');
const decode = (text: string | undefined): string => Buffer.from(text ?? '', 'base64').toString();

/** The key itself and all below it. */
function reach(prefix: string): { key: string; range_end: string } {
  const end = Buffer.from(`/${prefix}`);
  end[end.length - 1]!++;
  return { key: encode(`/${prefix}`), range_end: end.toString('base64') };
}

export function etcdV3(hosts: Hosts): KeyStore {
  const call = async <T>(path: string, body: object, signal: AbortSignal): Promise<T> => {
    const answer = await hosts.call({ method: 'POST', path: `/v3/${path}`, body, signal });
    const text = await textOf(answer);
    if (answer.statusCode === 200) return JSON.parse(text) as T;
    throw new Error(`etcd: ${path}: ${said(text) ?? `status ${answer.statusCode}`}`);
  };
  const lease = async (ttl: number, signal: AbortSignal): Promise<string> =>
    (await call<{ ID: string }>('lease/grant', { TTL: String(Math.max(1, Math.ceil(ttl))) }, signal)).ID;
  return {
    async list(prefix, signal) {
      const { header, kvs = [] } = await call<Range>('kv/range', reach(prefix), signal);
      return { values: kvs.map(({ value }) => decode(value)), at: header.revision };
    },
    async changed(prefix, at, signal) {
      const over = new AbortController();
      const body = { create_request: { ...reach(prefix), start_revision: String(BigInt(at) + 1n) } };
      const either = AbortSignal.any([signal, over.signal]);
      try {
        const answer = await hosts.call({ method: 'POST', path: '/v3/watch', body, signal: either });
        for await (const line of jsonLines<{ result?: { events?: unknown[]; canceled?: boolean } }>(answer)) {
          if (line.result?.events?.length || line.result?.canceled) return;
        }
      } finally {
        over.abort();
      }
    },
    async put(key, value, ttl, signal) {
      const body = { key: encode(`/${key}`), value: encode(value), lease: await lease(ttl, signal) };
      await call('kv/put', body, signal);
    },
    async keep(key, value, signal) {
      await call('kv/put', { key: encode(`/${key}`), value: encode(value) }, signal);
    },
    async remove(key, signal) {
      await call('kv/deleterange', { key: encode(`/${key}`) }, signal);
    },
    async acquire(key, value, ttl, signal) {
      const ID = await lease(ttl, signal);
      const name = encode(`/${key}`);
      const compare = [{ key: name, target: 'CREATE', result: 'EQUAL', create_revision: '0' }];
      const success = [{ request_put: { key: name, value: encode(value), lease: ID } }];
      const { succeeded } = await call<{ succeeded?: boolean }>('kv/txn', { compare, success }, signal);
      if (!succeeded) {
        await call('lease/revoke', { ID }, signal);
        return undefined;
      }
      return {
        async renew(signal) {
          const { result } = await call<{ result: { TTL?: string } }>('lease/keepalive', { ID }, signal);
          return Number(result.TTL ?? 0) > 0;
        },
        async release(signal) {
          await call('lease/revoke', { ID }, signal);
        },
      };
    },
  };
}

function said(text: string): string | undefined {
  try {
    return (JSON.parse(text) as { error?: string; message?: string }).message;
  } catch {
    return text.trim() || undefined;
  }
}
