/** Consul, by HTTP: keys that live as long as the session that holds them. */
import type { IncomingMessage } from 'node:http';
import { type Call, Hosts, textOf } from './http.ts';
import type { OpenStore } from './keyed.ts';

/** Seconds: what Consul takes for a session, and how long it is asked to wait for a change. */
const SHORTEST = 10;
const LONGEST = 86_400;
const WAIT = 60;

export const consulStore: OpenStore = (addresses, tls) => {
  const hosts = new Hosts(addresses.slice(0, 1), tls);
  /** By key, of those that this process has written. */
  const sessions = new Map<string, string>();
  const ask = async (call: Call): Promise<{ answer: IncomingMessage; text: string }> => {
    const answer = await hosts.call(call);
    return { answer, text: await textOf(answer) };
  };
  const must = async (call: Call): Promise<string> => {
    const { answer, text } = await ask(call);
    if (answer.statusCode === 200) return text;
    throw new Error(`consul: ${call.method} ${call.path}: ${text.trim() || answer.statusCode}`);
  };
  const keyPath = (key: string, query = ''): string =>
    `/v1/kv/${key.split('/').map(encodeURIComponent).join('/')}${query}`;
  // It ends between one and two times its time to live.
  const open = async (ttl: number, signal: AbortSignal): Promise<string> => {
    const TTL = `${Math.min(LONGEST, Math.max(SHORTEST, Math.ceil(ttl / 2)))}s`;
    const body = { TTL, Behavior: 'delete', LockDelay: '0s' };
    const text = await must({ method: 'PUT', path: '/v1/session/create', body, signal });
    return (JSON.parse(text) as { ID: string }).ID;
  };
  const renew = async (session: string, signal: AbortSignal): Promise<boolean> => {
    const { answer } = await ask({ method: 'PUT', path: `/v1/session/renew/${session}`, signal });
    return answer.statusCode === 200;
  };
  const take = async (key: string, value: string, session: string, signal: AbortSignal): Promise<boolean> =>
    (await must({ method: 'PUT', path: keyPath(key, `?acquire=${session}`), body: value, signal })).trim() ===
    'true';
  return {
    async list(prefix, signal) {
      const { answer, text } = await ask({ method: 'GET', path: keyPath(prefix, '?recurse=true'), signal });
      const at = String(answer.headers['x-consul-index'] ?? '1');
      if (answer.statusCode === 404) return { values: [], at };
      if (answer.statusCode !== 200) throw new Error(`consul: ${text.trim() || answer.statusCode}`);
      const found = JSON.parse(text) as Array<{ Key: string; Value: string | null; Session?: string }>;
      const values = found.map(({ Value }) => Buffer.from(Value ?? '', 'base64').toString());
      return { values: values.filter(Boolean), at };
    },
    async changed(prefix, at, signal) {
      const path = keyPath(prefix, `?recurse=true&index=${at}&wait=${WAIT}s`);
      await ask({ method: 'GET', path, signal, patience: (WAIT + 30) * 1000 });
    },
    async put(key, value, ttl, signal) {
      const before = sessions.get(key);
      if (before !== undefined && (await renew(before, signal)) && (await take(key, value, before, signal)))
        return;
      const session = await open(ttl, signal);
      if (!(await take(key, value, session, signal))) {
        // A session of an earlier run of this host has it still.
        const text = await must({ method: 'GET', path: keyPath(key), signal });
        const [{ Session } = {}] = JSON.parse(text) as Array<{ Session?: string }>;
        if (Session) await must({ method: 'PUT', path: `/v1/session/destroy/${Session}`, signal });
        if (!(await take(key, value, session, signal)))
          throw new Error(`consul: ${key} is held by somebody else`);
      }
      sessions.set(key, session);
    },
    async keep(key, value, signal) {
      await must({ method: 'PUT', path: keyPath(key), body: value, signal });
    },
    async remove(key, signal) {
      await must({ method: 'DELETE', path: keyPath(key), signal });
    },
    async acquire(key, value, ttl, signal) {
      const session = await open(ttl, signal);
      const end = (signal: AbortSignal): Promise<unknown> =>
        must({ method: 'PUT', path: `/v1/session/destroy/${session}`, signal });
      if (!(await take(key, value, session, signal))) {
        await end(signal);
        return undefined;
      }
      return {
        renew: (signal) => renew(session, signal),
        release: async (signal) => void (await end(signal)),
      };
    },
  };
};
