/** A compose file with what stands beside it, read, checked and made into the specs of a stack. Pure. */
import type { ConfigSpec, NetworkSpec, SecretSpec } from '../model/spec.ts';
import { type PlacedProblem, readDocument } from './document.ts';
import { DEPLOY, REFUSED, SERVICE, TOP, WITHOUT_EFFECT } from './keys.ts';
import { ComposeError, type Path } from './problem.ts';
import { type Dict, dict, isDict, unknownKeys } from './read.ts';
import { type StackService, serviceOf } from './service.ts';
import { contentSpecs, networkSpecs, stackOf } from './stack.ts';
import { EnvFileError, parseEnv, type Variable } from './variables.ts';

export const COMPOSE_FILE = 'compose.yaml';
export const ENV_FILE = '.env';

/** Text by name; the compose file is `compose.yaml`, the variables are `.env`. */
export type Files = Readonly<Record<string, string>>;

export interface Deployment {
  stack: string;
  networks: NetworkSpec[];
  /** Names of networks that have to be there. */
  externalNetworks: string[];
  secrets: SecretSpec[];
  configs: ConfigSpec[];
  services: StackService[];
}

export interface FileProblem extends PlacedProblem {
  file: string;
}

export interface Checked {
  /** Undefined if there is an error. */
  deployment?: Deployment;
  problems: FileProblem[];
  /** The variables that the compose file names, by name. */
  variables: Variable[];
  /** What `.env` sets. */
  values: Record<string, string>;
}

const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/i;

/** Never throws: what is wrong is in `problems`. */
export function check(stack: string, files: Files): Checked {
  const problems: FileProblem[] = [];
  let values: Record<string, string> = {};
  try {
    values = parseEnv(files[ENV_FILE] ?? '');
  } catch (error) {
    if (!(error instanceof EnvFileError)) throw error;
    problems.push({ file: ENV_FILE, line: error.line, column: 1, severity: 'error', message: error.message });
  }
  const document = readDocument(files[COMPOSE_FILE] ?? '', values);
  for (const each of document.problems) problems.push({ file: COMPOSE_FILE, ...each });
  const say = (severity: 'error' | 'warning', path: Path, message: string): void => {
    problems.push({ file: COMPOSE_FILE, ...document.place(path), severity, message });
  };
  const attempt = <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof ComposeError)) throw error;
      say('error', error.path, error.message);
      return undefined;
    }
  };
  const result = (deployment?: Deployment): Checked => {
    const isWell = !problems.some(({ severity }) => severity === 'error');
    return {
      ...(isWell && deployment && { deployment }),
      problems: problems.toSorted((a, b) => a.line - b.line || a.column - b.column),
      variables: document.variables.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
      values,
    };
  };
  if (!NAME.test(stack))
    say('error', [], `a stack’s name is of letters, digits, - and _, not ${JSON.stringify(stack)}`);
  const { content } = document;
  if (document.problems.some(({ severity }) => severity === 'error') && content === undefined)
    return result();
  if (!isDict(content)) {
    say('error', [], 'a compose file is a mapping with services');
    return result();
  }
  checkKeys(content, say);
  const services = attempt(() => dict(content.services, ['services'])) ?? {};
  if (Object.keys(services).length === 0) say('error', ['services'], 'there is no service in this file');
  const context = attempt(() => stackOf(stack, content, { files, variables: values }));
  if (!context) return result();
  const made = Object.entries(services).flatMap(
    ([name, raw]) => attempt(() => serviceOf(name, raw, context)) ?? [],
  );
  const used = new Set(
    made.flatMap(({ spec }) => (spec.TaskTemplate?.Networks ?? []).map(({ Target }) => Target!)),
  );
  const networks = attempt(() => networkSpecs(context, used));
  const secrets = attempt(() => contentSpecs('secrets', context));
  const configs = attempt(() => contentSpecs('configs', context));
  if (!networks || !secrets || !configs) return result();
  return result({
    ...{ stack, secrets, configs, services: made },
    networks: networks.specs,
    externalNetworks: networks.external,
  });
}

function checkKeys(
  content: Dict,
  say: (severity: 'error' | 'warning', path: Path, message: string) => void,
): void {
  for (const { key, message } of unknownKeys(content, TOP)) say('error', [key], message);
  if (!isDict(content.services)) return;
  for (const [name, service] of Object.entries(content.services)) {
    if (!isDict(service)) continue;
    const path = ['services', name];
    const known = new Set([...SERVICE, ...WITHOUT_EFFECT.keys(), ...REFUSED.keys()]);
    for (const { key, message } of unknownKeys(service, known)) say('error', [...path, key], message);
    for (const key of Object.keys(service)) {
      const instead = WITHOUT_EFFECT.get(key);
      if (instead) say('warning', [...path, key], `${key} has no effect in a swarm: ${instead}`);
      const refused = REFUSED.get(key);
      if (refused) say('error', [...path, key], `${key} cannot be deployed: ${refused}`);
    }
    if (service.depends_on !== undefined)
      say(
        'warning',
        [...path, 'depends_on'],
        'depends_on has no effect in a swarm: services start when they can and try again',
      );
    if (!isDict(service.deploy)) continue;
    for (const { key, message } of unknownKeys(service.deploy, DEPLOY))
      say('error', [...path, 'deploy', key], message);
  }
}
