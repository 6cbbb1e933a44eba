/** Whether an engine knows the flags that are asked for, by what it says of itself. Pure. */
import type { EngineSettings } from './driver.ts';

/** The flags (without dashes) that are not in what `dockerd --help` prints. */
export function unknownFlags(help: string, { options = [] }: EngineSettings): string[] {
  const known = new Set([...help.matchAll(/--([a-z0-9][a-z0-9-]*)/g)].map(([, name]) => name));
  return options.map((option) => option.split('=')[0]!).filter((name) => !known.has(name));
}

/** One line for people. */
export function flagProblem(flags: readonly string[]): string {
  return `its Docker Engine has no option ${flags.map((flag) => `--${flag}`).join(', ')}: "dockerd --help" lists what it has`;
}
