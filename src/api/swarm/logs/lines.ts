/** Log lines: as an engine sends those of one container, and as the API sends those of a service. */

export type Output = 1 | 2;
export const STDOUT: Output = 1;
export const STDERR: Output = 2;

export interface LogLine {
  output: Output;
  /** RFC 3339; '' if the engine was not asked for it. */
  timestamp: string;
  /** What the log driver adds, `k=v,k=v` with both escaped as in a query; '' if there is nothing. */
  attributes: string;
  /** With its line feed, if it has one. */
  text: Buffer;
}

/** What the engine was asked to put before each line, and whether the container has a terminal. */
export interface EngineFormat {
  timestamps: boolean;
  details: boolean;
  tty: boolean;
}

const HEADER = 8;
const LINE_FEED = 0x0a;
/** Longer lines come in parts, as whoever writes them may never end one. Bytes. */
const MAX_LINE = 1024 * 1024;

/** Whole lines from the answer to `/containers/{id}/logs`, as many at once as have come at once. */
export async function* engineLines(
  body: AsyncIterable<Uint8Array>,
  format: EngineFormat,
): AsyncGenerator<LogLine[]> {
  const split = format.tty ? terminalLines : frames;
  const unfinished = new Map<Output, Unfinished>();
  let left = Buffer.alloc(0);
  for await (const bytes of body) {
    left = left.length === 0 ? Buffer.from(bytes) : Buffer.concat([left, bytes]);
    const { chunks, rest } = split(left);
    left = rest;
    const lines: LogLine[] = [];
    for (const { output, data } of chunks) {
      const line = finish(unfinished, readPrefix(output, data, format));
      if (line) lines.push(line);
    }
    if (lines.length > 0) yield lines;
  }
  const lines: LogLine[] = [...unfinished.values()].map(({ line, parts }) => ({
    ...line,
    text: Buffer.concat(parts),
  }));
  if (format.tty && left.length > 0) lines.push(readPrefix(STDOUT, left, format));
  if (lines.length > 0) yield lines;
}

/** A line of which only the beginning has come. */
interface Unfinished {
  line: LogLine;
  parts: Buffer[];
  size: number;
}

/** The whole line, once its end is there. */
function finish(unfinished: Map<Output, Unfinished>, part: LogLine): LogLine | undefined {
  const known = unfinished.get(part.output);
  const ended = part.text.at(-1) === LINE_FEED;
  if (!known && ended) return part;
  const entry = known ?? { line: part, parts: [], size: 0 };
  entry.parts.push(part.text);
  entry.size += part.text.length;
  if (ended || entry.size >= MAX_LINE) {
    unfinished.delete(part.output);
    return { ...entry.line, text: Buffer.concat(entry.parts) };
  }
  unfinished.set(part.output, entry);
  return undefined;
}

interface Chunk {
  output: Output;
  data: Buffer;
}

interface Split {
  chunks: Chunk[];
  /** What belongs to a chunk that has not come in whole. */
  rest: Buffer<ArrayBuffer>;
}

/** The engine's frames: 8 bytes (the output, three zeros, the size in big endian), then the data of one log entry. */
function frames(bytes: Buffer<ArrayBuffer>): Split {
  const chunks: Chunk[] = [];
  let at = 0;
  while (bytes.length - at >= HEADER) {
    const end = at + HEADER + bytes.readUInt32BE(at + 4);
    if (bytes.length < end) break;
    // 3 is the engine's own error output.
    chunks.push({ output: bytes[at]! >= STDERR ? STDERR : STDOUT, data: bytes.subarray(at + HEADER, end) });
    at = end;
  }
  return { chunks, rest: bytes.subarray(at) };
}

function terminalLines(bytes: Buffer<ArrayBuffer>): Split {
  const chunks: Chunk[] = [];
  let at = 0;
  for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, at)) {
    chunks.push({ output: STDOUT, data: bytes.subarray(at, end + 1) });
    at = end + 1;
  }
  if (bytes.length - at < MAX_LINE) return { chunks, rest: bytes.subarray(at) };
  chunks.push({ output: STDOUT, data: bytes.subarray(at) });
  return { chunks, rest: Buffer.alloc(0) };
}

function readPrefix(output: Output, data: Buffer, { timestamps, details }: EngineFormat): LogLine {
  let text = data;
  const word = (): string => {
    const end = text.indexOf(0x20);
    if (end < 0) return '';
    const found = text.toString('utf8', 0, end);
    text = text.subarray(end + 1);
    return found;
  };
  const timestamp = timestamps ? word() : '';
  const attributes = details ? word() : '';
  return { output, timestamp, attributes, text };
}

/** Whose line it is. */
export interface LogOrigin {
  nodeId: string;
  serviceId: string;
  taskId: string;
}

/** How a client wants its lines. `multiplexed`: in frames that tell outputs apart. */
export interface ClientFormat {
  timestamps: boolean;
  details: boolean;
  multiplexed: boolean;
}

const PREFIX = 'com.docker.swarm';

export function renderLine(line: LogLine, origin: LogOrigin, format: ClientFormat): Buffer {
  const words: string[] = [];
  if (format.timestamps) words.push(line.timestamp, ' ');
  if (format.details) words.push(details(line.attributes, origin), ' ');
  const payload = Buffer.concat([Buffer.from(words.join('')), line.text]);
  if (!format.multiplexed) return payload;
  const frame = Buffer.alloc(HEADER + payload.length);
  frame[0] = line.output;
  frame.writeUInt32BE(payload.length, 4);
  payload.copy(frame, HEADER);
  return frame;
}

/** What the driver says and whose line it is, in order of the keys. */
function details(attributes: string, { nodeId, serviceId, taskId }: LogOrigin): string {
  const pairs = new Map<string, string>();
  for (const pair of attributes === '' ? [] : attributes.split(',')) {
    const [key = '', value = ''] = pair.split('=');
    pairs.set(key, value);
  }
  pairs.set(`${PREFIX}.node.id`, nodeId);
  pairs.set(`${PREFIX}.service.id`, serviceId);
  pairs.set(`${PREFIX}.task.id`, taskId);
  return [...pairs]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}
