/** What the palette finds for what is typed: places, objects, and things to do: `scale web 9`, `logs db`, `drain node2`. */
import type { NodeRow, Rows, ServiceRow, StackRow, TaskRow } from '../../../src/ui/protocol.ts';
import { stackPage } from './paths.ts';

/** What is done when it is chosen. */
export type Deed =
  | { do: 'go'; to: string }
  | { do: 'scale'; service: string; name: string; replicas: number }
  | { do: 'restart'; service: string; name: string }
  | { do: 'availability'; node: string; name: string; to: 'drain' | 'active' };

export interface Entry {
  key: string;
  title: string;
  /** Of what kind it is, and what is said of it besides. */
  hint: string;
  deed: Deed;
}

export interface Known {
  places: ReadonlyArray<{ path: string; title: string }>;
  services: readonly ServiceRow[];
  stacks: readonly StackRow[];
  nodes: readonly NodeRow[];
  tasks: readonly TaskRow[];
  named: ReadonlyArray<{ kind: 'network' | 'config' | 'secret'; row: Rows['networks'] | Rows['configs'] }>;
  /** Whether what belongs to that stack may be changed, and nodes. */
  mayChange: (stack: string | undefined) => boolean;
  mayOperate: boolean;
}

const MOST = 30;

const go = (key: string, title: string, hint: string, to: string): Entry => ({
  ...{ key, title, hint },
  deed: { do: 'go', to },
});

/** The best first. */
export function found(typed: string, known: Known): Entry[] {
  const words = typed.trim().toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return known.places.map(placeEntry);
  return [...deeds(words, known), ...objects(words, known)].slice(0, MOST);
}

function placeEntry({ path, title }: { path: string; title: string }): Entry {
  return go(`place ${path}`, title, 'page', path);
}

/** How well a text fits: less is better; undefined: not at all. */
function rank(text: string, words: readonly string[]): number | undefined {
  const all = text.toLowerCase();
  if (!words.every((word) => all.includes(word))) return undefined;
  const joined = words.join(' ');
  if (all === joined) return 0;
  return all.startsWith(joined) ? 1 : 2;
}

function ranked<T>(rows: readonly T[], words: readonly string[], texts: (row: T) => string[]): T[] {
  return rows
    .flatMap((row) => {
      const ranks = texts(row).map((text) => rank(text, words) ?? Number.POSITIVE_INFINITY);
      const best = Math.min(...ranks);
      return Number.isFinite(best) ? [{ row, best }] : [];
    })
    .sort((a, b) => a.best - b.best)
    .map(({ row }) => row);
}

function objects(words: readonly string[], known: Known): Entry[] {
  const { places, services, stacks, nodes, tasks, named } = known;
  return [
    ...ranked(places, words, ({ title }) => [title]).map(placeEntry),
    ...ranked(stacks, words, ({ id }) => [id]).map(({ id }) => go(`stack ${id}`, id, 'stack', stackPage(id))),
    ...ranked(services, words, ({ name, id, image }) => [name, id, image]).map(({ id, name, image }) =>
      go(`service ${id}`, name, `service · ${image}`, `/services/${id}`),
    ),
    ...ranked(nodes, words, ({ name, id, address }) => [name, id, address]).map(({ id, name, address }) =>
      go(`node ${id}`, name, `node · ${address}`, `/nodes/${id}`),
    ),
    ...ranked(named, words, ({ row }) => [row.name, row.id]).map(({ kind, row }) =>
      go(`${kind} ${row.id}`, row.name, kind, `/${kind}s?q=${encodeURIComponent(row.name)}`),
    ),
    ...ranked(tasks, words, ({ name, id, addresses }) => [name, id, ...addresses])
      .slice(0, MOST)
      .map(({ id, name, state, nodeName }) =>
        go(`task ${id}`, name, `task · ${state}${nodeName ? ` on ${nodeName}` : ''}`, `/tasks/${id}`),
      ),
  ];
}

function deeds([verb = '', ...rest]: readonly string[], known: Known): Entry[] {
  const { services, nodes, tasks, stacks, mayChange, mayOperate } = known;
  const own = services.filter(({ stack }) => mayChange(stack));
  const servicesNamed = (words: readonly string[], rows = services) =>
    ranked(rows, words, ({ name }) => [name]);
  const nodesTo = (availability: string): NodeRow[] =>
    mayOperate
      ? ranked(nodes, rest, ({ name }) => [name]).filter((node) => node.availability !== availability)
      : [];
  switch (verb) {
    case 'scale': {
      const last = rest.at(-1) ?? '';
      const replicas = /^\d{1,6}$/.test(last) ? Number(last) : undefined;
      const scaled = own.filter(({ mode }) => mode === 'replicated');
      return servicesNamed(replicas === undefined ? rest : rest.slice(0, -1), scaled).map(
        ({ id, name, wanted }): Entry =>
          replicas === undefined
            ? go(`scale ${id}`, `Scale ${name}`, `${wanted} now; type a number`, `/services/${id}`)
            : {
                ...{ key: `scale ${id}`, title: `Scale ${name} to ${replicas}`, hint: `${wanted} now` },
                deed: { do: 'scale', service: id, name, replicas },
              },
      );
    }
    case 'restart':
      return servicesNamed(rest, own).map(({ id, name }) => ({
        ...{ key: `restart ${id}`, title: `Restart ${name}`, hint: 'its tasks are replaced' },
        deed: { do: 'restart', service: id, name },
      }));
    case 'logs':
      return servicesNamed(rest).map(({ id, name }) =>
        go(`logs ${id}`, `Logs of ${name}`, 'service', `/services/${id}?tab=logs`),
      );
    case 'edit':
      return ranked(stacks, rest, ({ id }) => [id])
        .filter(({ id }) => mayChange(id))
        .map(({ id }) => go(`edit ${id}`, `Edit ${id}`, 'stack', stackPage(id, '/edit')));
    case 'console':
      return ranked(tasks, rest, ({ name }) => [name])
        .filter(({ state, container, stack }) => state === 'running' && container && mayChange(stack))
        .map(({ id, name, container }) =>
          go(`console ${id}`, `Console in ${name}`, 'task', `/console/${container}?name=${name}`),
        );
    case 'drain':
    case 'activate': {
      const to = verb === 'drain' ? 'drain' : 'active';
      return nodesTo(to).map(({ id, name }) => ({
        key: `${verb} ${id}`,
        title: verb === 'drain' ? `Drain ${name}` : `Activate ${name}`,
        hint: 'node',
        deed: { do: 'availability', node: id, name, to },
      }));
    }
    default:
      return [];
  }
}
