/** The settings of a host's engine as its files have them. Pure. */
import { type EngineSettings, MachineError } from '../driver.ts';

/** Names of daemon.json that an engine reads while it runs, with what is given for each. */
function lists({ labels = [], insecureRegistries = [], registryMirrors = [] }: EngineSettings) {
  return Object.entries({
    labels,
    'insecure-registries': insecureRegistries,
    'registry-mirrors': registryMirrors,
  }).filter(([, values]) => values.length > 0);
}

/**
 * daemon.json with what is wanted besides; undefined if all of it is there. A label replaces the one of the same key, nothing else
 * of what is there is changed. @throws MachineError if what is there cannot be read
 */
export function mergedSettings(there: string | undefined, wanted: EngineSettings): string | undefined {
  const added = lists(wanted);
  if (added.length === 0) return undefined;
  const before = parsed(there);
  const after: Record<string, unknown> = { ...before };
  for (const [name, values] of added) {
    const old = Array.isArray(before[name]) ? (before[name] as unknown[]).map(String) : [];
    const keyOf = (value: string): string =>
      name === 'labels' ? value.split('=')[0]! : value.replace(/\/$/, '');
    const kept = old.filter((value) => !values.some((each) => keyOf(each) === keyOf(value)));
    after[name] = [...kept, ...values];
  }
  const same = added.every(([name]) => sameSet(before[name], after[name] as string[]));
  return same ? undefined : JSON.stringify(after, null, 2);
}

function sameSet(before: unknown, after: readonly string[]): boolean {
  return (
    Array.isArray(before) && before.length === after.length && after.every((each) => before.includes(each))
  );
}

function parsed(text: string | undefined): Record<string, unknown> {
  if (text === undefined || text.trim() === '') return {};
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new MachineError(
      'its /etc/docker/daemon.json is not JSON: put it right first. Nothing was changed.',
    );
  }
}

/** For systemd's `Environment=`. */
export function unitEnvironment({ environment = [] }: EngineSettings): string {
  return environment.map(unitQuote).join(' ');
}

/** For the end of systemd's `ExecStart=`. */
export function unitFlags({ options = [] }: EngineSettings): string {
  return options.map((option) => unitQuote(`--${option}`)).join(' ');
}

/** A word as systemd reads it, with none of its specifiers or variables. */
function unitQuote(word: string): string {
  const plain = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w./:=@%+,-]+$/.test(plain)
    ? plain
    : `"${plain.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
