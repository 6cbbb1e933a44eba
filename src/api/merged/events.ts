/** `/events`: the engine's stream and, on managers, the cluster's events between its lines. */
import { type Readable, Transform, type TransformCallback } from 'node:stream';
import { readAll } from '../../engine/client.ts';
import { type Filters, parseFilters } from '../filters.ts';
import type { ApiContext, Router } from '../router.ts';
import { DRIVER } from './attach.ts';
import { type ClusterEvent, eventLine, isEnginesOwn, matches } from './cluster-events.ts';
import { EventFeed } from './event-feed.ts';
import { byTime, FOREVER, MILLISECOND, parseTime, timeText } from './event-times.ts';

/** What a client may leave unread (bytes) before it is cut off: it asks again with `since`. */
const MAX_UNREAD = 1024 * 1024;
/** As the engine tells of its networks. */
const OWN_DRIVER = `"type":"${DRIVER}"`;

export function eventRoutes(router: Router, { engine, membership }: ApiContext): void {
  const feed = new EventFeed(membership);

  router.get('/events', async ({ query, apiVersion, signal }) => {
    const asked = readable(query);
    if (asked === undefined || isEnginesOwn(asked.filters)) return { forward: {} };
    const { filters, since, until } = asked;
    const from = async (since: bigint, until?: bigint): Promise<Readable> => {
      const stretch = new URLSearchParams(query);
      stretch.set('since', timeText(since));
      if (until !== undefined) stretch.set('until', timeText(until));
      return engine.stream('GET', `/events?${stretch}`, { apiVersion, signal });
    };
    // Listening starts before the engine is asked, so that nothing falls between what was and what comes.
    const merged = new MergedEvents(filters, until);
    const stop = feed.listen((event) => merged.tell(event));
    merged.once('close', stop);
    try {
      // What was is asked for apart from what comes: it ends, and can be brought into one order with the cluster's.
      const now = BigInt(Date.now()) * MILLISECOND;
      const isPast = until !== undefined && until < now;
      const coming = isPast ? undefined : await from(since !== undefined && since > now ? since : now);
      if (coming) {
        coming.once('error', (error) => merged.destroy(engine.unavailable(error)));
        merged.once('close', () => coming.destroy());
      }
      const begin = since ?? (until === undefined ? undefined : 0n);
      if (begin === undefined || begin >= now) merged.start([], []);
      else {
        const past = await readAll(await from(begin, isPast ? until : now - 1n));
        merged.start(past.toString().split('\n').filter(Boolean), feed.between(begin, until ?? FOREVER));
      }
      if (coming) coming.pipe(merged);
      else merged.end();
      return { status: 200, stream: merged, lasting: true };
    } catch (error) {
      merged.destroy();
      throw error;
    }
  });
}

/** Passes on whole lines of the engine's stream, the cluster's events between them. */
class MergedEvents extends Transform {
  readonly #filters: Filters;
  readonly #until: bigint;
  #rest: Buffer = Buffer.alloc(0);
  #early: Set<ClusterEvent> | undefined = new Set();

  constructor(filters: Filters, until: bigint = FOREVER) {
    super();
    this.#filters = filters;
    this.#until = until;
  }

  /** What was comes first, the engine's lines and the cluster's events, then what was told until now. */
  start(lines: string[], past: ClusterEvent[]): void {
    const events = new Set([...past, ...(this.#early ?? [])]);
    this.#early = undefined;
    for (const each of byTime(lines, [...events])) {
      if (typeof each === 'string') this.push(asOverlays(`${each}\n`));
      else if (this.#wants(each)) this.push(eventLine(each));
    }
  }

  tell(event: ClusterEvent): void {
    if (this.destroyed || this.writableEnded || !this.#wants(event)) return;
    if (this.#early) this.#early.add(event);
    else if (this.readableLength > MAX_UNREAD) this.destroy();
    else this.push(eventLine(event));
  }

  #wants(event: ClusterEvent): boolean {
    return event.timeNano <= this.#until && matches(event, this.#filters);
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const end = chunk.lastIndexOf(0x0a) + 1;
    if (end === 0) {
      this.#rest = Buffer.concat([this.#rest, chunk]);
      done();
      return;
    }
    const lines = Buffer.concat([this.#rest, chunk.subarray(0, end)]);
    this.#rest = chunk.subarray(end);
    done(null, lines.includes(OWN_DRIVER) ? asOverlays(lines.toString()) : lines);
  }

  override _flush(done: TransformCallback): void {
    done(null, this.#rest.length > 0 ? this.#rest : undefined);
  }
}

/** What stands for an overlay on this host comes and goes as an overlay. */
export function asOverlays(lines: string): string {
  return lines.replace(/^.*$/gm, (line) =>
    line.includes('"Type":"network"') ? line.replace(OWN_DRIVER, '"type":"overlay"') : line,
  );
}

interface Asked {
  filters: Filters;
  since: bigint | undefined;
  until: bigint | undefined;
}

/** Undefined if something is malformed or impossible, which is the engine's to say. */
function readable(query: URLSearchParams): Asked | undefined {
  const time = (name: string): bigint | undefined => {
    const text = query.get(name);
    return text ? parseTime(text) : undefined;
  };
  const [since, until] = [time('since'), time('until')];
  if ((query.get('since') && since === undefined) || (query.get('until') && until === undefined))
    return undefined;
  if (since !== undefined && until !== undefined && until < since) return undefined;
  try {
    return { filters: parseFilters(query), since, until };
  } catch {
    return undefined;
  }
}
