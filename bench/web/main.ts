/**
 * The web interface at size: what the browser loads and how soon it shows rows, what 5,000 tasks that change 1,000 times
 * a second cost it, how soon a change of the store is on the screen, what 50 open tabs cost the manager, and what they
 * would cost it if they asked for whole lists again and again, as other interfaces do.
 *
 *   node bench/web/main.ts [--seconds N]
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { TestBrowser } from '../../test/support/browser.ts';
import { Child } from '../control/child.ts';
import type { Order, Report, Start } from './manager.ts';
import { BenchPage } from './page.ts';
import { openTabs, poll, type Traffic } from './tabs.ts';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '15' } } });
const SECONDS = Number(values.seconds);
const TABS = 50;
const RATE = 1_000;
/** Changes a second of a cluster that lives. */
const USUAL = 50;
/** How often pollers ask: what they show is half as old in the middle. */
const EVERY = 5_000;
const PROBES = 200;

type Ready = Extract<Report, { type: 'ready' }>;
type Use = Extract<Report, { type: 'use' }>;

const print = (what: string, value: string): void =>
  console.log(`${what.padEnd(66)} ${value}   (load ${loadavg()[0]!.toFixed(0)})`);
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

await sizes();
const manager = new Child<Start, Report>(
  join(import.meta.dirname, 'manager.ts'),
  { services: 50, replicas: 100, nodes: 20 },
  ['--expose-gc'],
);
const browser = await TestBrowser.launch();
try {
  const ready = await manager.until((report): report is Ready => report.type === 'ready');
  await inBrowser(ready);
  await tabs(ready);
} finally {
  await browser[Symbol.asyncDispose]();
  await manager.end();
}

async function sizes(): Promise<void> {
  const dist = new URL('../../web/dist/', import.meta.url);
  const page = await readFile(new URL('index.html', dist), 'utf8');
  const first = [...page.matchAll(/assets\/([^"]+\.(?:js|css))/g)].map(([, name]) => name!);
  const names = (await readdir(new URL('assets/', dist))).filter((name) => /\.(js|css)$/.test(name));
  const size = async (name: string): Promise<number> => (await stat(new URL(`assets/${name}.gz`, dist))).size;
  const all = new Map(await Promise.all(names.map(async (name) => [name, await size(name)] as const)));
  const total = first.reduce((sum, name) => sum + all.get(name)!, 0);
  const later = [...all].filter(([name]) => !first.includes(name)).sort(([, a], [, b]) => b - a)[0]!;
  print('first page, gzip', `${(total / 1000).toFixed(1)} kB`);
  print('largest part that is loaded later, gzip', `${(later[1] / 1000).toFixed(1)} kB`);
}

async function inBrowser({ host, session }: Ready): Promise<void> {
  let page = await BenchPage.open(browser, host, session);
  const firsts: number[] = [];
  for (let i = 0; i < 7; i++) firsts.push(await page.firstRow(`https://${host}/ui/tasks`));
  firsts.sort((a, b) => a - b);
  print(
    'first rows of 5,000 tasks: best, median of 7',
    `${firsts[0]!.toFixed(0)}, ${firsts[3]!.toFixed(0)} ms`,
  );

  // Another tab: in this one the pages of seven loads wait to be collected.
  await page.page.context().close();
  page = await BenchPage.open(browser, host, session);
  await page.firstRow(`https://${host}/ui/tasks`);
  order({ do: 'churn', rate: RATE });
  await wait(3_000);
  const { cpu, redraws, heap, most } = await page.cost(SECONDS);
  print(
    `processor per redraw, ${RATE} changes a second`,
    `${(cpu / redraws).toFixed(1)} ms, ${(redraws / SECONDS).toFixed(0)} a second`,
  );
  print('heap of the page: cleaned, most seen', `${megabytes(heap)}, ${megabytes(most)}`);

  order({ do: 'churn', rate: USUAL });
  await page.page.goto(`https://${host}/ui/tasks/task0x0`);
  await page.page.getByText('(started)').first().waitFor();
  const written = new Map<string, number>();
  for (let i = 0; i < PROBES; i++) {
    const message = `probe ${i}`;
    order({ do: 'probe', message });
    const { at } = await manager.next(
      (report): report is Extract<Report, { type: 'probed' }> =>
        report.type === 'probed' && report.message === message,
    );
    written.set(message, at);
    await wait(90 + Math.random() * 60);
  }
  await page.page
    .getByText(`probe ${PROBES - 1}`)
    .first()
    .waitFor();
  const shown = await page.shown();
  const delays = [...written]
    .flatMap(([message, at]) => (shown.has(message) ? [shown.get(message)! - at] : []))
    .sort((a, b) => a - b);
  const share = (part: number): number =>
    delays[Math.min(delays.length - 1, Math.floor(delays.length * part))]!;
  print(
    `a change of the store is on the screen, ${delays.length} of ${PROBES}: median, p99, most`,
    `${share(0.5)}, ${share(0.99)}, ${delays.at(-1)} ms`,
  );
  await page.page.context().close();
}

/** What the manager spends in so many seconds, beyond what it spends without anybody who looks. */
async function tabs(ready: Ready): Promise<void> {
  for (const rate of [0, USUAL, RATE]) {
    order({ do: 'churn', rate });
    await wait(2_000);
    const alone = await spent(SECONDS);
    const { traffic, close } = await openTabs(TABS, ready);
    await wait(3_000);
    const before = { ...traffic };
    const watched = await spent(SECONDS);
    const live = since(before, traffic);
    close();
    await wait(1_000);
    const extra = Math.max(0, watched.cpu - alone.cpu);
    print(
      `${TABS} tabs, ${rate} changes a second: of a core, memory, bytes`,
      `${percent(extra)}, ${megabytes(watched.memory - alone.memory)}, ${perSecond(live.bytes)}`,
    );
    if (rate === 0) continue;
    const ending = new AbortController();
    const polling = poll(TABS, EVERY, ready, ending.signal);
    await wait(EVERY);
    const polled = await spent(SECONDS);
    ending.abort();
    const all = await polling;
    const bytes = (all.bytes * SECONDS * 1000) / (SECONDS * 1000 + EVERY);
    const cpu = Math.max(0, polled.cpu - alone.cpu);
    print(
      `the same asking for whole lists each ${EVERY / 1000} s: of a core, bytes`,
      `${percent(cpu)}, ${perSecond(bytes)}: ${(cpu / Math.max(1, extra)).toFixed(1)} and ${(bytes / Math.max(1, live.bytes)).toFixed(1)} times as much`,
    );
  }
}

function since(before: Traffic, after: Traffic): Traffic {
  return { bytes: after.bytes - before.bytes, messages: after.messages - before.messages };
}

async function spent(seconds: number): Promise<{ cpu: number; memory: number }> {
  const before = await use();
  await wait(seconds * 1000);
  const after = await use();
  return { cpu: after.cpu - before.cpu, memory: after.memory };
}

async function use(): Promise<Use> {
  order({ do: 'use' });
  return manager.next((report): report is Use => report.type === 'use');
}

function order(what: Order): void {
  manager.send(what);
}

function percent(cpu: number): string {
  return `${((cpu / (SECONDS * 1000)) * 100).toFixed(1)} %`;
}

function perSecond(bytes: number): string {
  return `${(bytes / SECONDS / 1000).toFixed(0)} kB/s`;
}
