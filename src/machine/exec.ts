import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { MachineError } from './driver.ts';

/** Where system programs live, also for users whose PATH lacks the sbin directories. */
const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The PATH of a host whose engine is in the folder; of one with the system's engine when none is given. */
export function hostPath(enginePath: string | undefined): string {
  return enginePath ? `${enginePath}:${SYSTEM_PATH}` : SYSTEM_PATH;
}

const searchPath = `${process.env.PATH ?? ''}:${SYSTEM_PATH}`;

/**
 * Runs a program to its end and returns what it wrote to stdout.
 * Throws a MachineError with the program's own words when it exits with another code than 0.
 */
export async function run(file: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, PATH: searchPath, LC_ALL: 'C' };
    execFile(file, args, { env, cwd: '/', maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      const words = stderr.trim() || error.message;
      reject(new MachineError(`${[file, ...args].join(' ')}: ${words}`, { cause: error }));
    });
  });
}

/** Like {@link run}, but only tells whether the program succeeded. */
export async function succeeds(file: string, args: readonly string[]): Promise<boolean> {
  return run(file, args).then(
    () => true,
    () => false,
  );
}

/** The absolute path of a program, or undefined when it is not installed. */
export async function which(program: string): Promise<string | undefined> {
  for (const directory of searchPath.split(':').filter((d) => d !== '')) {
    const path = join(directory, program);
    if (await isProgram(path)) return path;
  }
  return undefined;
}

/** Whether a file can be executed here. */
export async function isProgram(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/**
 * Waits until `condition` gives something other than undefined, looking every few milliseconds.
 * Throws what `late` returns after `timeout` milliseconds.
 */
export async function until<T>(
  condition: () => Promise<T | undefined> | T | undefined,
  timeout: number,
  late: () => Error | Promise<Error>,
): Promise<T> {
  const deadline = performance.now() + timeout;
  for (let pause = 5; ; pause = Math.min(pause * 1.5, 50)) {
    const value = await condition();
    if (value !== undefined) return value;
    if (performance.now() > deadline) throw await late();
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
