/**
 * Shells that run scripts, one each at a time, and wait for more, in the namespace that they are in. To start a program Node
 * makes a copy of itself and stands still until that has become the program: while processors are short, tens of milliseconds
 * each time, in which nobody is answered. A small shell that is there already does it beside, and spares a script the two
 * programs that would lead into its namespace.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';

export const PATH = `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`;

/** A shell that nobody has needed for so long (ms) ends. */
const IDLE = 10_000;
/** Of what goes to standard error, the first so many characters are kept. */
const ERRORS = 4_000;
/** In place of an exit code. */
const ELSEWHERE = 'elsewhere';

export interface Ran {
  output: string;
  errors: string;
  /** Above 128 for a signal. */
  code: number;
}

/** Those that wait. */
const idle = new Set<Shell>();

/**
 * Runs a script that stops at its first failure.
 * @param patience after so long (ms) it is killed, with all that it has started
 * @param namespace its name; undefined for the one of this process
 * @throws an error if there is no shell, or no such namespace, or the shell has ended
 */
export async function runInShell(script: string, patience: number, namespace?: string): Promise<Ran> {
  for (;;) {
    const shell = [...idle].find((one) => one.namespace === namespace) ?? new Shell(namespace);
    idle.delete(shell);
    const ran = await shell.run(script, patience);
    if (ran) {
      shell.rest();
      return ran;
    }
    // That name is another namespace's by now.
    await shell.end();
  }
}

/** Ends the shells that wait in a namespace, which would be there for as long as they are. Resolves when they have ended. */
export async function leaveNamespace(namespace: string): Promise<void> {
  await Promise.all([...idle].filter((one) => one.namespace === namespace).map((shell) => shell.end()));
}

const pathOf = (namespace: string): string => `/run/netns/${namespace}`;

interface Running {
  mark: string;
  output: string;
  errors: string;
  /** The end of what went to standard error. */
  tail: string;
  ended: PromiseWithResolvers<Ran | undefined>;
}

class Shell {
  readonly namespace: string | undefined;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #closed: Promise<void>;
  readonly #name = randomUUID();
  #runs = 0;
  #running: Running | undefined;
  #retire: NodeJS.Timeout | undefined;

  constructor(namespace: string | undefined) {
    this.namespace = namespace;
    const enter = namespace === undefined ? [] : ['nsenter', `--net=${pathOf(namespace)}`];
    const [file, ...args] = [...enter, 'sh', '-s'];
    // A group of its own, so that what it has started ends with it.
    this.#child = spawn(file!, args, { env: { PATH, LC_ALL: 'C' }, cwd: '/', detached: true });
    this.#closed = new Promise((resolve) => this.#child.once('close', () => resolve()));
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
    this.#child.once('close', (code, signal) => {
      const how = `its shell has ended with ${signal ?? `exit code ${code}`}`;
      this.#over(new Error([how, this.#running?.errors.trim()].filter(Boolean).join(': ')));
    });
  }

  /** Undefined if its namespace is not the one of that name any more: nothing was run. */
  async run(script: string, patience: number): Promise<Ran | undefined> {
    clearTimeout(this.#retire);
    const mark = `end-${this.#name}-${this.#runs++}`;
    const ended = Promise.withResolvers<Ran | undefined>();
    this.#running = { mark, output: '', errors: '', tail: '', ended };
    this.#keepAlive(true);
    const tell = `printf '\\n%s\\n' ${mark} >&2; printf '\\n%s %s\\n' ${mark} $code`;
    const isHere =
      this.namespace === undefined ? 'true' : `[ /proc/self/ns/net -ef ${pathOf(this.namespace)} ]`;
    // What comes next on the standard input is for this shell alone.
    const inside = `(\nset -e\n${script}\n) </dev/null\ncode=$?`;
    this.#child.stdin.write(`if ${isHere}; then\n${inside}\nelse code=${ELSEWHERE}; fi\n${tell}\n`);
    const timer = setTimeout(() => this.#kill(), patience);
    try {
      return await ended.promise;
    } finally {
      clearTimeout(timer);
      this.#running = undefined;
    }
  }

  /** Nothing to do for now. */
  rest(): void {
    idle.add(this);
    this.#keepAlive(false);
    // Never rejects.
    this.#retire = setTimeout(() => void this.end(), IDLE).unref();
  }

  /** Resolves when it has ended. */
  end(): Promise<void> {
    clearTimeout(this.#retire);
    idle.delete(this);
    this.#keepAlive(true);
    this.#child.stdin.end();
    return this.#closed;
  }

  #look(): void {
    const running = this.#running;
    if (!running?.output.endsWith('\n') || running.tail !== `\n${running.mark}\n`) return;
    const { output, errors, mark } = running;
    const at = output.lastIndexOf(`\n${mark} `);
    if (at < 0) return;
    const code = output.slice(at + mark.length + 2).trim();
    if (code === ELSEWHERE) {
      running.ended.resolve(undefined);
      return;
    }
    const told = errors.lastIndexOf(`\n${mark}`);
    running.ended.resolve({
      output: output.slice(0, at),
      errors: told < 0 ? errors : errors.slice(0, told),
      code: Number(code),
    });
  }

  #over(error: Error): void {
    clearTimeout(this.#retire);
    idle.delete(this);
    this.#running?.ended.reject(error);
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
