/**
 * Shells that run scripts, one each at a time, and wait for more. To start a program Node makes a copy of itself and stands
 * still until that has become the program: while processors are short, tens of milliseconds each time, in which nobody is
 * answered. A small shell that is there already does it beside.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';

export const PATH = `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`;

/** A shell that nobody has needed for so long (ms) ends. */
const IDLE = 10_000;
/** Of what goes to standard error, the first so many characters are kept. */
const ERRORS = 4_000;

export interface Ran {
  output: string;
  errors: string;
  /** Above 128 for a signal. */
  code: number;
}

const idle: Shell[] = [];

/**
 * @param command reads the script from its standard input: `sh -e -s`
 * @param patience after so long (ms) it is killed, with all that it has started
 * @throws an error if there is no shell, or it has ended
 */
export async function runInShell(command: string, script: string, patience: number): Promise<Ran> {
  const shell = idle.pop() ?? new Shell();
  const ran = await shell.run(command, script, patience);
  idle.push(shell);
  shell.rest();
  return ran;
}

interface Running {
  mark: string;
  output: string;
  errors: string;
  /** The end of what went to standard error. */
  tail: string;
  ended: PromiseWithResolvers<Ran>;
}

class Shell {
  // A group of its own, so that what it has started ends with it.
  readonly #child: ChildProcessWithoutNullStreams = spawn('sh', ['-s'], {
    env: { PATH, LC_ALL: 'C' },
    cwd: '/',
    detached: true,
  });
  readonly #name = randomUUID();
  #runs = 0;
  #running: Running | undefined;
  #retire: NodeJS.Timeout | undefined;

  constructor() {
    const { stdin, stdout, stderr } = this.#child;
    stdout.setEncoding('utf8').on('data', (text: string) => {
      if (this.#running) this.#running.output += text;
      this.#look();
    });
    stderr.setEncoding('utf8').on('data', (text: string) => {
      const running = this.#running;
      if (!running) return;
      running.errors = (running.errors + text).slice(0, ERRORS);
      running.tail = (running.tail + text).slice(-running.mark.length - 2);
      this.#look();
    });
    // That it has ended is told below.
    stdin.on('error', () => {});
    this.#child.once('error', (error) => this.#over(error));
    this.#child.once('close', (code, signal) =>
      this.#over(new Error(`its shell has ended with ${signal ?? `exit code ${code}`}`)),
    );
  }

  async run(command: string, script: string, patience: number): Promise<Ran> {
    clearTimeout(this.#retire);
    const mark = `end-${this.#name}-${this.#runs++}`;
    const running = { mark, output: '', errors: '', tail: '', ended: Promise.withResolvers<Ran>() };
    this.#running = running;
    this.#keepAlive(true);
    const tell = `code=$?; printf '\\n%s\\n' ${mark} >&2; printf '\\n%s %s\\n' ${mark} $code`;
    const lines = script === '' || script.endsWith('\n') ? script : `${script}\n`;
    this.#child.stdin.write(`${command} <<'${mark}'\n${lines}${mark}\n${tell}\n`);
    const timer = setTimeout(() => this.#kill(), patience);
    try {
      return await running.ended.promise;
    } finally {
      clearTimeout(timer);
      this.#running = undefined;
    }
  }

  /** Nothing to do for now. */
  rest(): void {
    this.#keepAlive(false);
    this.#retire = setTimeout(() => {
      this.#leave();
      this.#child.stdin.end();
    }, IDLE).unref();
  }

  #look(): void {
    const running = this.#running;
    if (!running?.output.endsWith('\n') || running.tail !== `\n${running.mark}\n`) return;
    const { output, errors, mark } = running;
    const at = output.lastIndexOf(`\n${mark} `);
    if (at < 0) return;
    const code = Number(output.slice(at + mark.length + 2));
    const told = errors.lastIndexOf(`\n${mark}`);
    running.ended.resolve({
      output: output.slice(0, at),
      errors: told < 0 ? errors : errors.slice(0, told),
      code,
    });
  }

  #over(error: Error): void {
    clearTimeout(this.#retire);
    this.#leave();
    this.#running?.ended.reject(error);
  }

  #leave(): void {
    const at = idle.indexOf(this);
    if (at >= 0) idle.splice(at, 1);
  }

  #kill(): void {
    try {
      process.kill(-this.#child.pid!, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  /** Whether this process waits for it. */
  #keepAlive(does: boolean): void {
    const { stdin, stdout, stderr } = this.#child;
    for (const each of [this.#child, stdin as Socket, stdout as Socket, stderr as Socket])
      if (does) each.ref();
      else each.unref();
  }
}
