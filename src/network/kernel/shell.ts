/** Runs the system's network tools: a script of shell commands per change. */
import { runInShell } from './shells.ts';

/** A tool that does not end is worse than one that fails: everything waits for it (ms). */
const PATIENCE = 20_000;

export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/**
 * Runs a shell script that stops at the first failure, in a named network namespace or the one of this process.
 * Returns what it printed. @throws CommandError with what the failing command said
 */
export async function runScript(script: string, namespace?: string): Promise<string> {
  const where = namespace === undefined ? 'the host' : namespace;
  const failed = (why: string): CommandError =>
    new CommandError(`cannot change the network of ${where}: ${why}`);
  const { output, errors, code } = await runInShell(script, PATIENCE, namespace).catch((error: Error) => {
    throw failed(error.message);
  });
  if (code !== 0) throw failed(errors.trim() || `exit code ${code}`);
  return output;
}

/** A command that reads these lines; nothing when there are none. */
export function feed(command: string, lines: readonly string[] | string): string {
  const text = typeof lines === 'string' ? lines : lines.map((line) => `${line}\n`).join('');
  return text === '' ? '' : `${command} <<'END'\n${text}END\n`;
}

/** Writes kernel parameters, those that this kernel has. */
export function sysctls(values: Readonly<Record<string, number>>): string {
  return Object.entries(values)
    .map(([path, value]) => `[ ! -w /proc/sys/${path} ] || echo ${value} >/proc/sys/${path}\n`)
    .join('');
}
