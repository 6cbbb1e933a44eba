/** `/events`: the engine's stream and, on managers, the cluster's events between its lines. */
import { Transform, type TransformCallback } from 'node:stream';
import { errorOf } from '../../engine/client.ts';
import { type Filters, parseFilters } from '../filters.ts';
import type { ApiContext, Router } from '../router.ts';
import { DRIVER } from './attach.ts';
import { type ClusterEvent, eventLine, excludesCluster, matches } from './cluster-events.ts';
import { EventFeed } from './event-feed.ts';

/** What a client may leave unread (bytes) before it is cut off: it asks again with `since`. */
const MAX_UNREAD = 1024 * 1024;
/** As the engine tells of its networks. */
const OWN_DRIVER = `"type":"${DRIVER}"`;

export function eventRoutes(router: Router, { engine, membership }: ApiContext): void {
  const feed = new EventFeed(membership);
  router.around(() => feed.follow());

  router.get('/events', async ({ query, apiVersion, signal }) => {
    const filters = readable(query);
    if (filters === undefined || excludesCluster(filters)) return { forward: {} };
    // Listening starts before the engine is asked, so that nothing falls between what was and what comes.
    const merged = new MergedEvents(filters);
    const stop = feed.listen((event) => merged.tell(event));
    merged.once('close', stop);
    try {
      const path = `/events${query.size === 0 ? '' : `?${query}`}`;
      const answer = await engine.request('GET', path, { apiVersion, signal });
      if (answer.status !== 200) throw await errorOf(answer);
      const since = seconds(query.get('since'));
      if (since !== undefined) merged.start(feed.between(since, seconds(query.get('until')) ?? Infinity));
      else merged.start([]);
      answer.body.once('error', (error) => merged.destroy(engine.unavailable(error)));
      merged.once('close', () => answer.body.destroy());
      answer.body.pipe(merged);
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
  #rest: Buffer = Buffer.alloc(0);
  #early: Set<ClusterEvent> | undefined = new Set();

  constructor(filters: Filters) {
    super();
    this.#filters = filters;
  }

  /** `past` comes first, then what was told until now. */
  start(past: ClusterEvent[]): void {
    const events = new Set([...past, ...(this.#early ?? [])]);
    this.#early = undefined;
    for (const event of events) this.tell(event);
  }

  tell(event: ClusterEvent): void {
    if (this.destroyed || this.writableEnded || !matches(event, this.#filters)) return;
    if (this.#early) this.#early.add(event);
    else if (this.readableLength > MAX_UNREAD) this.destroy();
    else this.push(eventLine(event));
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

/** Undefined if they are malformed, which is the engine's to say. */
function readable(query: URLSearchParams): Filters | undefined {
  try {
    return parseFilters(query);
  } catch {
    return undefined;
  }
}

/** Unix seconds with a fraction, in milliseconds. */
function seconds(text: string | null): number | undefined {
  return text !== null && /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : undefined;
}
