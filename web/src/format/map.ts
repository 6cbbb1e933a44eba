/** The map of the cluster: which tile stands in which column. Pure. */
import type { PlaceRow, TileRow } from '../../../src/ui/protocol.ts';
import { sorted } from './sort.ts';
import { type Tone, taskTone } from './state.ts';

/** Services are told apart by so many colours. */
export const COLOURS = 8;
/** With more tiles than that each is a dot. */
export const MOST_TILES = 400;

export interface Tile {
  id: string;
  name: string;
  state: string;
  tone: Tone;
  /** Of the service: 0 to 7. */
  colour: number;
  /** It was running when its host was lost. */
  isLost: boolean;
}

export interface Column {
  id: string;
  name: string;
  /** Undefined: of tasks that have no node yet. */
  place: PlaceRow | undefined;
  tiles: Tile[];
}

const SHOWN = new Set(['running', 'ready', 'complete']);
const OVER = new Set(['complete', 'failed', 'shutdown', 'rejected', 'orphaned', 'remove']);

/** A column for each node, by name, and one for what waits, if anything does. `words`: all have to be found in a tile. */
export function columnsOf(places: readonly PlaceRow[], tiles: readonly TileRow[], words: string): Column[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const known = new Map(places.map((place) => [place.id, place]));
  const columns = new Map<string, Column>(
    sorted(places, ({ name }) => name, false).map((place) => [
      place.id,
      { id: place.id, name: place.name, place, tiles: [] },
    ]),
  );
  const colours = coloursOf(tiles.map(({ service }) => service));
  const waiting: Column = { id: '', name: 'No node yet', place: undefined, tiles: [] };
  for (const row of sorted(tiles, ({ name }) => name, false)) {
    const isDown = row.node !== undefined && known.get(row.node)?.state === 'down';
    const isLost = isDown && row.state === 'running';
    if (!isLost && (!SHOWN.has(row.desired) || OVER.has(row.state))) continue;
    const text = `${row.name} ${row.stack ?? ''} ${row.state}`.toLowerCase();
    if (!wanted.every((word) => text.includes(word))) continue;
    const tile = {
      ...{ id: row.id, name: row.name, state: isLost ? 'lost with its host' : row.state, isLost },
      ...{ tone: isLost ? ('bad' as const) : taskTone(row), colour: colours.get(row.service)! },
    };
    (columns.get(row.node ?? '') ?? waiting).tiles.push(tile);
  }
  return [...columns.values(), ...(waiting.tiles.length > 0 ? [waiting] : [])];
}

/**
 * A colour for each service, the same on every screen: none is used once more while there is another that is used less, so
 * that as few as can be look alike.
 */
export function coloursOf(services: Iterable<string>): Map<string, number> {
  const used = new Array<number>(COLOURS).fill(0);
  const colours = new Map<string, number>();
  for (const service of [...new Set(services)].sort()) {
    const least = Math.min(...used);
    let colour = hashOf(service) % COLOURS;
    while (used[colour] !== least) colour = (colour + 1) % COLOURS;
    used[colour]!++;
    colours.set(service, colour);
  }
  return colours;
}

/** Whoever comes or goes changes few colours of others. */
function hashOf(service: string): number {
  let sum = 0;
  for (const char of service) sum = (sum * 31 + char.codePointAt(0)!) >>> 0;
  return sum;
}
