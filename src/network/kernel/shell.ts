/** Runs the system's network tools: one short-lived process per change, which is fed a script. */
import { spawn } from 'node:child_process';

/** A tool that does not end is worse than one that fails: everything waits for it (ms). */
const PATIENCE = 20_000;
export const PATH = `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`;

export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/**
 * Runs a shell script that stops at the first failure, in a named network namespace or the one of this process.
 * Returns what it printed. @throws CommandError with what the failing command said
 */
export function runScript(script: string, namespace?: string): Promise<string> {
  const argv = namespace === undefined ? [] : ['nsenter', `--net=/run/netns/${namespace}`];
  const [file, ...args] = [...argv, 'sh', '-e', '-s'];
  return new Promise((resolve, reject) => {
    // A group of its own, so that what it has started ends with it.
    const child = spawn(file!, args, { env: { PATH, LC_ALL: 'C' }, cwd: '/', detached: true });
    const patience = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), PATIENCE);
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(0, 4000);
    });
    // The shell may end before it has read everything; how it ended tells why.
    child.stdin.on('error', () => {});
    child.once('error', (error) => {
      clearTimeout(patience);
      reject(error);
    });
    child.once('close', (code, signal) => {
      clearTimeout(patience);
      if (code === 0) return resolve(output);
      const where = namespace === undefined ? 'the host' : namespace;
      const why = errors.trim() || (signal ? `ended by ${signal}` : `exit code ${code}`);
      reject(new CommandError(`cannot change the network of ${where}: ${why}`));
    });
    child.stdin.end(script);
  });
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
