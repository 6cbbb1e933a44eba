/**
 * Asks a name over and over from within a container and prints a line of JSON for each address that comes or goes.
 * usage: node watch.ts SERVER NAME; ends with its stdin.
 */
import { createSocket } from 'node:dgram';
import { decode, encode, RECURSION_DESIRED } from 'dns-packet';

export interface Change {
  /** Milliseconds since the epoch. */
  at: number;
  address: string;
  there: boolean;
}

const EVERY = 5;
const [server, name] = process.argv.slice(2) as [string, string];
let known = new Set<string>();
const socket = createSocket({ type: 'udp4', lookup: (host, _options, done) => done(null, host, 4) });
socket.on('message', (message) => {
  const at = Date.now();
  const { answers = [], rcode } = decode(message) as ReturnType<typeof decode> & { rcode: string };
  if (rcode !== 'NOERROR') return;
  const addresses = new Set(answers.flatMap((record) => (record.type === 'A' ? [record.data] : [])));
  const tell = (address: string, there: boolean): unknown =>
    process.stdout.write(`${JSON.stringify({ at, address, there } satisfies Change)}\n`);
  for (const address of addresses) if (!known.has(address)) tell(address, true);
  for (const address of known) if (!addresses.has(address)) tell(address, false);
  known = addresses;
});
const questions = [{ type: 'A' as const, name }];
const message = encode({ type: 'query', id: 1, flags: RECURSION_DESIRED, questions });
socket.connect(53, server, () => {
  const timer = setInterval(() => socket.send(message), EVERY);
  process.stdin.resume().on('end', () => {
    clearInterval(timer);
    socket.close();
  });
});
