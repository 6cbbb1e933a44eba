/** Filters: each keeps the hosts that could take a container, and says in a refusal what it asked for. */
import type { HostPort } from '../../fleet/records.ts';
import type { Candidate, Occupant } from './candidate.ts';
import type { Ask } from './container-config.ts';
import { type Expression, expressionText, holds } from './expression.ts';

export interface Filter {
  readonly name: string;
  /** @param soft whether soft expressions count */
  keep(ask: Ask, candidates: readonly Candidate[], soft: boolean): Candidate[];
  /** What it asks for; empty if nothing. */
  asks(ask: Ask): string[];
}

const health: Filter = {
  name: 'health',
  keep: (_, candidates) => candidates.filter(({ healthy, health }) => healthy && health > 0),
  asks: () => [],
};

const port: Filter = {
  name: 'port',
  keep(ask, candidates) {
    if (ask.networkMode === 'host') {
      const isFree = (candidate: Candidate): boolean =>
        !candidate.occupants.some(
          ({ networkMode, exposed }) =>
            networkMode === 'host' && exposed.some((each) => ask.exposed.includes(each)),
        );
      return candidates.filter(isFree);
    }
    const isFree = ({ occupants, ports: others }: Candidate): boolean =>
      !ask.ports.some((wanted) =>
        [...occupants, { ports: others }].some(({ ports }) => ports.some((taken) => collide(wanted, taken))),
      );
    return ask.ports.length === 0 ? [...candidates] : candidates.filter(isFree);
  },
  asks(ask) {
    if (ask.networkMode === 'host') return ask.exposed.map((each) => `port ${each} (Host mode)`);
    return ask.ports.map((each) => `port ${each.port} (Bridge mode)`);
  },
};

const ANY = ['', '0.0.0.0', '::'];

function collide(a: HostPort, b: HostPort): boolean {
  return a.port === b.port && (a.ip === b.ip || ANY.includes(a.ip) || ANY.includes(b.ip));
}

const containerslots: Filter = {
  name: 'containerslots',
  keep: (_, candidates) =>
    candidates.filter(({ labels, occupants }) => {
      const text = labels.containerslots;
      if (text === undefined || !/^[+-]?\d+$/.test(text)) return true;
      return occupants.length < Number(text);
    }),
  asks: () => ['available container slots'],
};

const dependency: Filter = {
  name: 'dependency',
  keep(ask, candidates) {
    const needed = [
      ...[...ask.volumesFrom, ...ask.links].map((each) => each.split(':')[0]!),
      ...(ask.networkMode.startsWith('container:') ? [ask.networkMode.slice('container:'.length)] : []),
    ];
    if (needed.length === 0) return [...candidates];
    return candidates.filter((candidate) => needed.every((reference) => hasOccupant(candidate, reference)));
  },
  asks: (ask) => [
    ...ask.volumesFrom.map((each) => `--volumes-from=${each}`),
    ...ask.links.map((each) => `--link=${each}`),
    ...(ask.networkMode.startsWith('container:') ? [`--net=${ask.networkMode}`] : []),
  ],
};

/** By name, `node/name`, full id or the beginning of one. */
function hasOccupant({ name, occupants }: Candidate, reference: string): boolean {
  const bare = reference.startsWith(`${name}/`)
    ? reference.slice(name.length + 1)
    : reference.replace(/^\//, '');
  return (
    occupants.some((each) => each.name === bare) ||
    occupants.some(({ id }) => bare !== '' && id.startsWith(bare))
  );
}

const affinity: Filter = {
  name: 'affinity',
  keep: (ask, candidates, soft) => keepAll(ask.affinities, candidates, soft, affinityValues),
  asks: (ask) => ask.affinities.map((each) => `${expressionText(each)} (soft=${each.soft})`),
};

function affinityValues({ key }: Expression, { occupants, images }: Candidate): string[] {
  if (key === 'container')
    return occupants.flatMap(({ id, name }: Occupant) => (id === '' ? [name] : [id, name]));
  if (key === 'image') {
    return images.flatMap(({ id, names }) => [
      id,
      id.replace(/^sha256:/, ''),
      ...names,
      ...names.map(repository),
    ]);
  }
  return occupants.map(({ labels }) => labels[key] ?? '');
}

/** `registry:5000/nginx:1.9` without its tag or digest. */
export function repository(name: string): string {
  const bare = name.split('@')[0]!;
  const colon = bare.lastIndexOf(':');
  return colon > bare.lastIndexOf('/') ? bare.slice(0, colon) : bare;
}

const constraint: Filter = {
  name: 'constraint',
  keep: (ask, candidates, soft) =>
    keepAll(ask.constraints, candidates, soft, ({ key }, { id, engineId, name, labels }) =>
      key === 'node' ? [id, engineId, name] : [labels[key] ?? ''],
    ),
  asks: (ask) => ask.constraints.map(expressionText),
};

const whitelist: Filter = {
  name: 'whitelist',
  keep: (ask, candidates, soft) =>
    ask.whitelists
      .filter((each) => soft || !each.soft)
      .reduce<Candidate[]>(
        (left, { value }) => left.filter(({ name }) => value.split('|').includes(name)),
        [...candidates],
      ),
  asks: (ask) => ask.whitelists.map((each) => `${expressionText(each)} (soft=${each.soft})`),
};

/** The hosts for which all expressions hold. */
function keepAll(
  expressions: readonly Expression[],
  candidates: readonly Candidate[],
  soft: boolean,
  values: (expression: Expression, candidate: Candidate) => string[],
): Candidate[] {
  return expressions
    .filter((each) => soft || !each.soft)
    .reduce<Candidate[]>(
      (left, each) => left.filter((candidate) => holds(each, values(each, candidate))),
      [...candidates],
    );
}

/** In the order in which they are applied. */
export const FILTERS: readonly Filter[] = [
  health,
  port,
  containerslots,
  dependency,
  affinity,
  constraint,
  whitelist,
];
