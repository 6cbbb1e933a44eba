/**
 * Asks one name of one server over and over, so many questions at once, from within a container; prints a line of JSON.
 * usage: node client.ts SERVER NAME MILLISECONDS CONCURRENCY
 */
import { createSocket } from 'node:dgram';
import { encode, RECURSION_DESIRED } from 'dns-packet';

export interface Result {
  perSecond: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
  /** Not answered within a second. */
  lost: number;
}

const PATIENCE = 1_000;
const [server, name, milliseconds, concurrency] = process.argv.slice(2) as [string, string, string, string];
const questions = [{ type: 'A' as const, name }];
const message = encode({ type: 'query', id: 0, flags: RECURSION_DESIRED, questions });
const took: number[] = [];
let lost = 0;
const started = performance.now();
const end = started + Number(milliseconds);

/** One after the other, each when the one before is answered. */
function ask(): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = createSocket({ type: 'udp4', lookup: (host, _options, done) => done(null, host, 4) });
  const packet = Buffer.from(message);
  let id = 0;
  let sent = 0;
  let timer: NodeJS.Timeout;
  const next = (): void => {
    clearTimeout(timer);
    sent = performance.now();
    if (sent >= end) {
      socket.close();
      resolve();
      return;
    }
    id = (id + 1) & 0xffff;
    packet.writeUInt16BE(id, 0);
    socket.send(packet);
    timer = setTimeout(() => {
      lost++;
      next();
    }, PATIENCE);
  };
  socket.on('message', (answer) => {
    if (answer.readUInt16BE(0) !== id) return;
    if ((answer[3]! & 15) !== 0 || answer.readUInt16BE(6) === 0) reject(new Error(`no answer for ${name}`));
    took.push(performance.now() - sent);
    next();
  });
  socket.connect(53, server, next);
  return promise;
}

await Promise.all(Array.from({ length: Number(concurrency) }, ask));
took.sort((a, b) => a - b);
const at = (share: number): number => took[Math.floor(took.length * share)] ?? Number.NaN;
const perSecond = (took.length * 1000) / (performance.now() - started);
process.stdout.write(
  `${JSON.stringify({ perSecond, p50: at(0.5), p99: at(0.99), lost } satisfies Result)}\n`,
);
