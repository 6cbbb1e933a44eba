/** A compose file as text, read with the places of everything in it. */
import { isScalar, LineCounter, parseDocument, type ScalarTag, visit } from 'yaml';
import type { Path } from './problem.ts';
import { InterpolationError, interpolate, type Variable } from './variables.ts';

/** From 1. */
export interface Place {
  line: number;
  column: number;
}

export interface PlacedProblem extends Place {
  severity: 'error' | 'warning';
  message: string;
}

export interface ComposeDocument {
  /** The content with variables replaced; undefined if it could not be read. */
  content: unknown;
  variables: Variable[];
  problems: PlacedProblem[];
  /** Where that is, or the nearest thing around it that is there. */
  place(path: Path): Place;
}

/** What a file may be long at most, characters; what its anchors may make of it, objects. */
const LONGEST = 1_000_000;
const MOST_NODES = 200_000;

/** `0440` is a mode, as it is to Docker: YAML 1.2 would read it as four hundred and forty. */
const octal: ScalarTag = {
  tag: 'tag:yaml.org,2002:int',
  default: true,
  format: 'OCT',
  test: /^0[0-7]+$/,
  resolve: (text) => Number.parseInt(text, 8),
  identify: () => false,
};

/** Reads the text of a compose file. Never throws. */
export function readDocument(text: string, values: Readonly<Record<string, string>>): ComposeDocument {
  const problems: PlacedProblem[] = [];
  const lines = new LineCounter();
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const say = (offset: number, severity: 'error' | 'warning', message: string): void => {
    problems.push({ ...at(offset), severity, message });
  };
  const nothing = (): ComposeDocument => ({
    content: undefined,
    variables: [],
    problems,
    place: () => ({ line: 1, column: 1 }),
  });
  if (text.length > LONGEST) {
    say(0, 'error', `the file is longer than ${LONGEST} characters`);
    return nothing();
  }
  const document = parseDocument(text, {
    merge: true,
    lineCounter: lines,
    prettyErrors: false,
    customTags: (tags) => [octal, ...tags],
  });
  for (const { pos, message } of document.errors) say(pos[0], 'error', message);
  if (document.errors.length > 0) return nothing();

  const variables = new Map<string, Variable>();
  visit(document, {
    Scalar(key, node) {
      if (key === 'key' || typeof node.value !== 'string' || !node.value.includes('$')) return;
      const offset = node.range?.[0] ?? 0;
      try {
        const { text: value, missing, used } = interpolate(node.value, values);
        node.value = value;
        for (const each of used) variables.set(each.name, { ...variables.get(each.name), ...each });
        for (const name of missing)
          say(offset, 'warning', `the variable ${name} is not set: nothing stands for it`);
      } catch (error) {
        if (!(error instanceof InterpolationError)) throw error;
        say(offset, 'error', error.message);
        const name = /variable (\w+) has to be set/.exec(error.message)?.[1];
        if (name) variables.set(name, { name, required: '' });
      }
    },
  });
  let content: unknown;
  try {
    content = document.toJS({ maxAliasCount: 1_000 });
    if (count(content, MOST_NODES) > MOST_NODES) throw new Error('its anchors make too much of it');
  } catch (error) {
    say(0, 'error', (error as Error).message);
  }
  return {
    content,
    variables: [...variables.values()],
    problems,
    place(path) {
      for (let length = path.length; length > 0; length--) {
        const parent = document.getIn(path.slice(0, length - 1), true) as
          | { items?: Array<{ key?: unknown; range?: [number, number, number] | null }> }
          | undefined;
        const last = path[length - 1];
        const pair = parent?.items?.find((item) => isScalar(item.key) && item.key.value === last);
        if (pair && isScalar(pair.key)) return at(pair.key.range?.[0] ?? 0);
        const item = typeof last === 'number' ? parent?.items?.[last] : undefined;
        if (item?.range) return at(item.range[0]);
      }
      return { line: 1, column: 1 };
    },
  };
}

/** How many values there are, up to a little more than `most`. */
function count(value: unknown, most: number): number {
  if (typeof value !== 'object' || value === null) return 1;
  let total = 1;
  for (const each of Object.values(value)) {
    total += count(each, most - total);
    if (total > most) break;
  }
  return total;
}
