/** What has happened on the hosts: the latest events of all engines, and those of the swarm. */
import type { EngineEvent } from '../../engine/client.ts';
import { jsonLines } from '../../engine/lines.ts';
import type { FleetEvent, Host } from '../../fleet/contract.ts';
import type { EventRow } from '../protocol.ts';
import { nameOf } from './rows.ts';

/** So many are kept; the oldest go first. */
const MOST = 1_000;
/** How much of the past a host is asked for when it is met, seconds. Engines keep their last 256 events. */
const PAST = 3_600;
/** How long it may take to tell that, ms. */
const PATIENCE = 5_000;
/** Happens all the time, by the orchestrator's own health checks and consoles. */
const NOISE = /^exec_(create|start|die)\b/;

export class EventBook {
  /** In the order of their times. */
  rows: readonly EventRow[] = [];
  readonly #home: string;
  readonly #known = new Set<string>();
  readonly #changed: () => void;

  /** `home`: the node of this manager, whose events of the swarm count. `changed`: called when there are others. */
  constructor(home: string, changed: () => void) {
    this.#home = home;
    this.#changed = changed;
  }

  heard(event: FleetEvent): void {
    if (event.type === 'engine') this.#add(event.host, event.event);
    else if (event.type !== 'contents' && event.type !== 'disconnect') void this.read(event.host);
  }

  /** Reads what has happened on a host of late. Never rejects. */
  async read(host: Host): Promise<void> {
    const now = Date.now() / 1_000;
    const query = { since: Math.floor(now - PAST), until: Math.ceil(now) };
    try {
      const signal = AbortSignal.timeout(PATIENCE);
      const past = await host.engine.stream('GET', '/events', { query, signal });
      for await (const event of jsonLines<EngineEvent>(past)) this.#add(host, event);
    } catch {
      // What cannot be told is not shown: the next events are.
    }
  }

  #add(host: Host, { Type, Action, Actor, scope = 'local', time, timeNano }: EngineEvent): void {
    if (NOISE.test(Action)) return;
    // Each manager tells of the swarm's own.
    if (scope === 'swarm' && host.key !== this.#home) return;
    const ms = timeNano > 0 ? Math.floor(timeNano / 1e6) : time * 1_000;
    const id = `${host.key} ${timeNano} ${Type} ${Action} ${Actor.ID}`;
    if (this.#known.has(id)) return;
    this.#known.add(id);
    const row: EventRow = {
      id,
      at: new Date(ms).toISOString(),
      node: host.key,
      nodeName: nameOf(host),
      type: Type,
      action: Action,
      of: Actor.ID,
      name: Actor.Attributes?.name ?? '',
      scope,
    };
    const rows = [...this.rows];
    let at = rows.length;
    while (at > 0 && rows[at - 1]!.at > row.at) at--;
    rows.splice(at, 0, row);
    while (rows.length > MOST) this.#known.delete(rows.shift()!.id);
    this.rows = rows;
    this.#changed();
  }
}
