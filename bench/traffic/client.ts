/**
 * Sends requests at a steady rate, however long the answers take, and counts them by phases. It imports nothing of the
 * project. usage: node client.ts RATE keep|close URL…; the addresses are asked in turn.
 *
 * Each line of stdin is the name of the phase that begins, an empty one a pause. Each phase that is over is a line of
 * JSON on stdout, once all its requests have ended. Ends with stdin.
 */
import { Agent, get } from 'node:http';
import { createInterface } from 'node:readline';

export interface Phase {
  name: string;
  seconds: number;
  requests: number;
  /** In the order in which they were sent. */
  failures: Array<{ kind: string; url: string; atMs: number; afterMs: number }>;
  /** Milliseconds. */
  p50: number;
  p99: number;
  max: number;
  /** How many took longer than a second. */
  slow: number;
}

interface Open {
  name: string;
  started: number;
  /** Of requests that were due and are left out. */
  skipped: number;
  ended: number;
  sent: number;
  pending: number;
  took: number[];
  failures: Phase['failures'];
}

const TICK = 5;
const PATIENCE = 5_000;
const SLOW = 1_000;
/** Each address has that many at most. */
const CONNECTIONS = 32;
const [rate, how, ...urls] = process.argv.slice(2) as [string, 'keep' | 'close', ...string[]];
const agent = how === 'keep' ? new Agent({ keepAlive: true, maxSockets: CONNECTIONS }) : new Agent();
let phase: Open | undefined;
let turn = 0;
let open = 0;
let ended = false;

function send(of: Open): void {
  const url = urls[turn++ % urls.length]!;
  const started = performance.now();
  of.sent++;
  of.pending++;
  open++;
  let over = false;
  const end = (failure?: string): void => {
    if (over) return;
    over = true;
    const took = performance.now() - started;
    if (failure === undefined) of.took.push(took);
    else of.failures.push({ kind: failure, url, atMs: started - of.started, afterMs: took });
    of.pending--;
    open--;
    tell(of);
    if (ended && open === 0) agent.destroy();
  };
  const request = get(url, { agent, timeout: PATIENCE }, (response) => {
    response.on('error', (error) => end(`${error.message} in the answer`));
    response.on('end', () => end(response.statusCode === 200 ? undefined : `status ${response.statusCode}`));
    response.resume();
  });
  request.on('timeout', () => request.destroy(new Error(`no answer for ${PATIENCE} ms`)));
  request.on('error', (error: NodeJS.ErrnoException) => {
    const where = request.reusedSocket ? ' on a connection that was kept' : '';
    end(`${error.syscall ?? ''} ${error.code ?? error.message}${where}`.trim());
  });
}

function tell(of: Open): void {
  if (of.ended === 0 || of.pending > 0) return;
  const { name, started, ended, sent, took, failures } = of;
  took.sort((a, b) => a - b);
  const at = (share: number): number => took[Math.floor(took.length * share)] ?? 0;
  const slow = took.filter((ms) => ms > SLOW).length;
  const numbers = { p50: at(0.5), p99: at(0.99), max: took.at(-1) ?? 0, slow };
  const result: Phase = {
    name,
    seconds: (ended - started) / 1000,
    requests: sent,
    failures: failures.sort((a, b) => a.atMs - b.atMs),
    ...numbers,
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

function enter(name: string): void {
  const now = performance.now();
  const last = phase;
  phase = undefined;
  if (last) {
    last.ended = now;
    tell(last);
  }
  if (name !== '')
    phase = { name, started: now, skipped: 0, ended: 0, sent: 0, pending: 0, took: [], failures: [] };
}

const timer = setInterval(() => {
  if (!phase) return;
  const due = ((performance.now() - phase.started) * Number(rate)) / 1000 - phase.skipped;
  // What the client itself was late with is left out: it is no burst that clients would make.
  const late = Math.floor(Math.max(0, due - phase.sent - (Number(rate) * TICK * 10) / 1000));
  phase.skipped += late;
  for (let count = Math.floor(due) - late - phase.sent; count > 0; count--) send(phase);
}, TICK);
createInterface({ input: process.stdin })
  .on('line', enter)
  .on('close', () => {
    enter('');
    clearInterval(timer);
    ended = true;
    if (open === 0) agent.destroy();
  });
