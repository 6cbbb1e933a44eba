/** Logs of services and tasks as channels of the live socket: read from the daemon's own API, line by line. */
import type { IncomingMessage } from 'node:http';
import { request as httpRequest } from '../../node/http.ts';
import type { LogLine } from '../protocol.ts';
import type { Client } from './hub.ts';

/** Lines are told at most so often, ms. */
const PACE = 50;
/** How many of the past are told at first, unless it is said otherwise; and at most. */
const TAIL = 500;
const MOST_TAIL = 20_000;
/** A client with so many bytes still to be read is slow: the log waits for it. */
const SLOW = 512 * 1024;
/** A longer line is cut. */
const LONGEST = 64 * 1024;

/** Whether the channel is a log's. */
export function isLog(channel: string): boolean {
  return channel.startsWith('logs?');
}

/** One log may be of so many services and tasks. */
const MOST_SOURCES = 50;

/** Tells the client of that log until the signal; `socket`: of the daemon's own API. */
export function serveLog(client: Client, channel: string, socket: string, signal: AbortSignal): void {
  const paths = logPaths(channel);
  if (typeof paths === 'string') {
    client.send(JSON.stringify({ channel, error: paths }));
    return;
  }
  const teller = new Teller(client, channel, paths.length, signal);
  for (const path of paths) {
    const request = httpRequest({ socketPath: socket, path, headers: { host: 'essaim' } });
    signal.addEventListener('abort', () => request.destroy(), { once: true });
    request.on('error', (error) => teller.fail(path, error.message));
    request.once('response', (answer) => {
      if (answer.statusCode === 200) teller.passOn(answer);
      else void refusal(answer).then((why) => teller.fail(path, why));
    });
    request.end();
  }
}

/** What has to be asked for; a text that says why there is no such log. */
function logPaths(channel: string): string[] | string {
  const params = new URLSearchParams(channel.slice('logs?'.length));
  const paths = (['service', 'task'] as const).flatMap((kind) =>
    params
      .getAll(kind)
      .filter(Boolean)
      .map((id) => `/${kind}s/${encodeURIComponent(id)}/logs`),
  );
  const [node, container] = ['node', 'container'].map((name) => encodeURIComponent(params.get(name) ?? ''));
  if (node && container) paths.push(`/essaim/nodes/${node}/containers/${container}/logs`);
  if (paths.length === 0) return 'there is no such log';
  if (paths.length > MOST_SOURCES) return `a log is of ${MOST_SOURCES} services at most`;
  const tail = Math.min(Number(params.get('tail') ?? TAIL) || 0, MOST_TAIL);
  return paths.map((path) => `${path}?stdout=1&stderr=1&timestamps=1&details=1&follow=1&tail=${tail}`);
}

/** Tells what several sources write, in the order in which it comes. */
class Teller {
  readonly #client: Client;
  readonly #channel: string;
  readonly #signal: AbortSignal;
  readonly #isOne: boolean;
  readonly #answers = new Set<IncomingMessage>();
  #open: number;
  #lines: LogLine[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(client: Client, channel: string, sources: number, signal: AbortSignal) {
    this.#client = client;
    this.#channel = channel;
    this.#signal = signal;
    this.#isOne = sources === 1;
    this.#open = sources;
  }

  passOn(answer: IncomingMessage): void {
    const reader = new LogReader(!String(answer.headers['content-type']).includes('multiplexed'));
    this.#answers.add(answer);
    answer.on('data', (chunk: Buffer) => {
      for (const line of reader.push(chunk)) this.#lines.push(line);
      this.#timer ??= setTimeout(() => this.#tell(), PACE);
    });
    const end = (): void => {
      if (!this.#answers.delete(answer)) return;
      this.#open--;
      this.#tell();
    };
    answer.once('end', end);
    answer.once('error', end);
  }

  /** Of several sources one that cannot be read is a line among the others. */
  fail(path: string, why: string): void {
    if (this.#signal.aborted) return;
    if (this.#isOne) {
      this.#client.send(JSON.stringify({ channel: this.#channel, error: why }));
      return;
    }
    this.#open--;
    const [, kind, id = ''] = path.split(/[/?]/);
    const text = `the log of ${kind === 'tasks' ? 'the task' : 'the service'} ${decodeURIComponent(id)} cannot be read: ${why}`;
    this.#lines.push({ task: '', stream: 'stderr', at: new Date().toISOString(), text });
    this.#tell();
  }

  #tell(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#signal.aborted) return;
    const over = this.#open === 0;
    if (this.#lines.length > 0 || over)
      this.#client.send(
        JSON.stringify({ channel: this.#channel, lines: this.#lines, ...(over && { over }) }),
      );
    this.#lines = [];
    const isSlow = this.#client.unread() > SLOW;
    for (const answer of this.#answers) {
      if (isSlow) answer.pause();
      else answer.resume();
    }
    if (isSlow) this.#timer = setTimeout(() => this.#tell(), PACE);
  }
}

async function refusal(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text;
  } catch {
    return text;
  }
}

/** Makes lines of Docker's log stream: frames with a head of eight bytes, or of a terminal none. */
export class LogReader {
  #rest: Buffer = Buffer.alloc(0);
  /** Where it is not said, it is told by the first bytes. */
  #isRaw: boolean | undefined;
  readonly #partial = { stdout: '', stderr: '' };

  constructor(mayBeRaw: boolean) {
    this.#isRaw = mayBeRaw ? undefined : false;
  }

  push(chunk: Buffer): LogLine[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    if (this.#isRaw === undefined) {
      if (this.#rest.length < 4) return [];
      this.#isRaw = !(
        this.#rest[0]! <= 2 &&
        this.#rest[1] === 0 &&
        this.#rest[2] === 0 &&
        this.#rest[3] === 0
      );
    }
    if (this.#isRaw) {
      const text = this.#rest.toString();
      this.#rest = Buffer.alloc(0);
      return this.#lines('stdout', text);
    }
    const lines: LogLine[] = [];
    while (this.#rest.length >= 8) {
      const size = this.#rest.readUInt32BE(4);
      if (this.#rest.length < 8 + size) break;
      const stream = this.#rest[0] === 2 ? 'stderr' : 'stdout';
      for (const line of this.#lines(stream, this.#rest.toString('utf8', 8, 8 + size))) lines.push(line);
      this.#rest = this.#rest.subarray(8 + size);
    }
    return lines;
  }

  #lines(stream: 'stdout' | 'stderr', text: string): LogLine[] {
    const parts = (this.#partial[stream] + text).split('\n');
    this.#partial[stream] = parts.pop()!.slice(0, LONGEST);
    return parts.map((part) => lineOf(stream, part));
  }
}

/** `TIME KEY=VALUE,… text`: what `timestamps` and `details` put before it. */
function lineOf(stream: 'stdout' | 'stderr', raw: string): LogLine {
  const [, at = '', details = '', text = raw] =
    /^(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)) (\S*) ?([\s\S]*)$/.exec(raw) ?? [];
  const task = /(?:^|,)com\.docker\.swarm\.task\.id=([^,]+)/.exec(details)?.[1] ?? '';
  return { task, stream, at, text: text.replace(/\r$/, '').slice(0, LONGEST) };
}
