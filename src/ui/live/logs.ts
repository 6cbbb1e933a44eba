/** Logs of services and tasks as channels of the live socket: read from the daemon's own API, line by line. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
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

/** Tells the client of that log until the signal; `socket`: of the daemon's own API. */
export function serveLog(client: Client, channel: string, socket: string, signal: AbortSignal): void {
  const path = logPath(channel);
  const fail = (error: string): void => {
    if (!signal.aborted) client.send(JSON.stringify({ channel, error }));
  };
  if (path === undefined) {
    fail('there is no such log');
    return;
  }
  const request = httpRequest({ socketPath: socket, path, headers: { host: 'essaim' } });
  signal.addEventListener('abort', () => request.destroy(), { once: true });
  request.on('error', (error) => fail(error.message));
  request.once('response', (answer) => {
    if (answer.statusCode === 200) passOn(client, channel, answer, signal);
    else void refusal(answer).then(fail);
  });
  request.end();
}

function logPath(channel: string): string | undefined {
  const params = new URLSearchParams(channel.slice('logs?'.length));
  const place = placeOf(params);
  if (place === undefined) return undefined;
  const tail = Math.min(Number(params.get('tail') ?? TAIL) || 0, MOST_TAIL);
  const query = `stdout=1&stderr=1&timestamps=1&details=1&follow=1&tail=${tail}`;
  return `${place}/logs?${query}`;
}

function placeOf(params: URLSearchParams): string | undefined {
  const [service, task, container, node] = ['service', 'task', 'container', 'node'].map((name) =>
    encodeURIComponent(params.get(name) ?? ''),
  );
  if (service) return `/services/${service}`;
  if (task) return `/tasks/${task}`;
  return container && node ? `/essaim/nodes/${node}/containers/${container}` : undefined;
}

function passOn(client: Client, channel: string, answer: IncomingMessage, signal: AbortSignal): void {
  const reader = new LogReader(!String(answer.headers['content-type']).includes('multiplexed'));
  let lines: LogLine[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tell = (isOver: boolean): void => {
    clearTimeout(timer);
    timer = undefined;
    if (signal.aborted) return;
    if (lines.length > 0 || isOver)
      client.send(JSON.stringify({ channel, lines, ...(isOver && { over: true }) }));
    lines = [];
    if (client.unread() > SLOW) {
      answer.pause();
      timer = setTimeout(() => tell(false), PACE);
    } else answer.resume();
  };
  answer.on('data', (chunk: Buffer) => {
    for (const line of reader.push(chunk)) lines.push(line);
    timer ??= setTimeout(() => tell(false), PACE);
  });
  answer.once('end', () => tell(true));
  answer.once('error', () => tell(true));
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
