/** Events of all hosts, each with its host; what was before is in one order. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Filters, parseFilters } from '../../api/filters.ts';
import { type EngineEvent, readAll } from '../../engine/client.ts';
import { exactly } from '../../engine/exact.ts';
import { jsonLines } from '../../engine/lines.ts';
import type { Host } from '../../fleet/contract.ts';
import { ApiError } from '../../model/errors.ts';
import type { Cluster } from '../cluster.ts';
import type { ClusterRoutes } from '../contract.ts';
import { spokenWith, withQuery } from '../engine-call.ts';
import { hostId, hostName } from '../names.ts';
import { matchesHost } from '../views/containers.ts';

/** What a client may leave unread before it is cut off: it asks again with `since`. */
const MOST_UNREAD = 10_000;
/** How long (ms) after an engine's stream has ended until it is asked again. */
const AGAIN = 1_000;

export const eventRoutes: ClusterRoutes = (router, { cluster }) => {
  router.get('/events', async ({ query, signal }) => {
    const filters = parseFilters(query);
    const now = Date.now() / 1000;
    const since = readTime(query.get('since'), now);
    const until = readTime(query.get('until'), now);
    // What hosts are called is nothing that engines know.
    const passed = new URLSearchParams();
    const asked = filters.without('node');
    if (asked.keys().length > 0) passed.set('filters', asked.toString());
    const past =
      since === undefined
        ? []
        : await history(cluster, filters, passed, since, Math.min(until ?? now, now), signal);
    const stream =
      until !== undefined && until <= now
        ? past
        : coming({ cluster, filters, passed, past, now, until, signal });
    return { status: 200, stream: each(stream), lasting: true };
  });
};

async function* each(events: AsyncIterable<object> | Iterable<object>): AsyncGenerator<string> {
  for await (const event of events) yield `${JSON.stringify(event)}\n`;
}

/** Seconds since the epoch: as a number, RFC 3339, or a duration before now. @throws ApiError */
export function readTime(text: string | null, now: number): number | undefined {
  if (!text) return undefined;
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  const parts = [...text.matchAll(/(\d+)(h|m|s)/g)];
  if (parts.length > 0 && parts.map(([part]) => part).join('') === text) {
    const unit: Record<string, number> = { h: 3600, m: 60, s: 1 };
    return now - parts.reduce((sum, [, number, name]) => sum + Number(number) * unit[name!]!, 0);
  }
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new ApiError(400, `invalid time ${text}`);
  return time / 1000;
}

/** Of the hosts that answer, in the order of their times. */
async function history(
  cluster: Cluster,
  filters: Filters,
  passed: URLSearchParams,
  since: number,
  until: number,
  signal: AbortSignal,
): Promise<object[]> {
  const query = new URLSearchParams(passed);
  query.set('since', since.toFixed(9));
  query.set('until', until.toFixed(9));
  const hosts = cluster.healthy().filter((host) => matchesHost(filters, host));
  const all = await Promise.all(
    hosts.map(async (host) => {
      const apiVersion = await spokenWith(host);
      const answer = await host.engine.stream('GET', withQuery('/events', query), { signal, apiVersion });
      const lines = (await readAll(answer)).toString().split('\n').filter(Boolean);
      return lines
        .map((line) => JSON.parse(line, exactly) as EngineEvent)
        .filter((event) => isToldHere(cluster, host, event))
        .map((event) => withNode(host, event));
    }),
  );
  return all.flat().toSorted((a, b) => Number(timeOf(a) - timeOf(b)));
}

interface Coming {
  cluster: Cluster;
  filters: Filters;
  passed: URLSearchParams;
  past: readonly object[];
  now: number;
  until: number | undefined;
  signal: AbortSignal;
}

/** What was, then what comes, from each host as long as it is a member. */
async function* coming({
  cluster,
  filters,
  passed,
  past,
  now,
  until,
  signal,
}: Coming): AsyncGenerator<object> {
  const over = new AbortController();
  const ended = AbortSignal.any([signal, over.signal]);
  const queue: object[] = [...past];
  let wake: () => void = () => undefined;
  let overflown = false;
  const tell = (event: object): void => {
    if (queue.length >= MOST_UNREAD) overflown = true;
    else queue.push(event);
    wake();
  };
  const following = new Set<string>();
  const follow = (host: Host): void => {
    if (following.has(host.key) || !matchesHost(filters, host)) return;
    following.add(host.key);
    void followHost(cluster, host, passed, now, tell, ended).finally(() => following.delete(host.key));
  };
  const stop = cluster.fleet.listen((event) => {
    if (event.type === 'engine' || event.type === 'contents') return;
    if (event.type !== 'disconnect') follow(event.host);
    const own = ownEvent(event.type, event.host);
    if (wantsOwn(filters, own) && matchesHost(filters, event.host)) tell(own);
  });
  for (const host of cluster.healthy()) follow(host);
  const timer =
    until === undefined ? undefined : setTimeout(() => over.abort(), (until - Date.now() / 1000) * 1000);
  ended.addEventListener('abort', () => wake(), { once: true });
  try {
    while (!overflown) {
      const event = queue.shift();
      if (event) yield event;
      else if (ended.aborted) return;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    clearTimeout(timer);
    over.abort();
    stop();
  }
}

/** Goes on where its stream has ended, until the host is no healthy member any more. */
async function followHost(
  cluster: Cluster,
  host: Host,
  passed: URLSearchParams,
  since: number,
  tell: (event: object) => void,
  signal: AbortSignal,
): Promise<void> {
  let last = BigInt(Math.round(since * 1e6)) * 1000n;
  while (!signal.aborted && cluster.fleet.host(host.key) === host && host.status === 'Healthy') {
    try {
      const query = new URLSearchParams(passed);
      query.set('since', `${last / 1_000_000_000n}.${String(last % 1_000_000_000n).padStart(9, '0')}`);
      const apiVersion = await spokenWith(host);
      const answer = await host.engine.stream('GET', withQuery('/events', query), { signal, apiVersion });
      for await (const event of jsonLines<EngineEvent>(answer, exactly)) {
        if (isToldHere(cluster, host, event)) tell(withNode(host, event));
        const time = timeOf(event) + 1n;
        if (time > last) last = time;
      }
    } catch {
      // It is found out by looks whether the host is gone.
    }
    await delay(AGAIN, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

/** Each manager of a swarm tells of what is the swarm's: it is heard from one. */
function isToldHere({ swarm }: Cluster, host: Host, { scope }: EngineEvent): boolean {
  return !swarm || scope !== 'swarm' || swarm.home() === host;
}

/** Nanoseconds since the epoch, which are more than a number holds. */
const timeOf = ({ timeNano }: EngineEvent): bigint => BigInt(JSON.stringify(timeNano));

/** With its host in the three places where clients look for it. */
function withNode(host: Host, event: EngineEvent): EngineEvent {
  const name = hostName(host);
  const from = event.Type === 'network' ? '' : String(event.from ?? '');
  return {
    ...event,
    from: `${from} node:${name}`,
    Actor: {
      ...event.Actor,
      Attributes: {
        ...event.Actor.Attributes,
        'node.name': name,
        'node.id': hostId(host),
        'node.addr': host.address,
        'node.ip': host.ip,
      },
    },
    node: { Name: name, Id: hostId(host), Addr: host.address, Ip: host.ip },
  };
}

function ownEvent(type: 'connect' | 'reconnect' | 'disconnect', host: Host): EngineEvent {
  const now = Date.now();
  const status = `engine_${type}`;
  const event = {
    status,
    from: 'swarm',
    Type: 'swarm',
    Action: status,
    Actor: { ID: '' },
    time: Math.floor(now / 1000),
    timeNano: now * 1e6,
  };
  return { ...withNode(host, event), from: 'swarm' };
}

function wantsOwn(filters: Filters, { Type, Action }: EngineEvent): boolean {
  const others = filters.without('type', 'event', 'node').keys();
  return others.length === 0 && filters.exact('type', Type) && filters.exact('event', Action);
}
