/**
 * Three managers' states on real etcd for some minutes, each on a host of its own, while members and managers are killed,
 * stand still, are cut off and have no room: what each of them was told of its writes is held against what there is in the end.
 */
import { copyFile, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createRoot, issueCertificate, type Root } from '../../../src/identity/authority.ts';
import { keepPeer } from '../../../src/manager/members/kept-peer.ts';
import { requestPeer } from '../../../src/manager/members/peer-files.ts';
import { History } from '../../../src/store/testing/history.ts';
import { FAULTS } from './faults.ts';
import { Host } from './host.ts';
import { now, peerOf } from './messages.ts';
import { build, demolish, type Place, places } from './net.ts';

const HOUR = 3_600_000;
/** How long (ms) a fault lasts, and all have rest after it. */
const LASTS = [1_000, 8_000] as const;
const RESTS = [1_500, 5_000] as const;
/** How long (ms) writes may be away after a fault is over. */
const PATIENCE = 60_000;
const WRITES_AGAIN = 10;

export async function faultRun(minutes: number): Promise<boolean> {
  const all = places(3);
  const logs = await mkdtemp('/var/tmp/esf-logs-');
  const history = new History();
  await build(all);
  const hosts = all.map((place, i) => new Host(place, all, i === 0 ? 'found' : 'join', history, logs));
  const over = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => over.abort(new Error(`ended by ${signal}`)));
  try {
    await assemble(hosts);
    over.signal.throwIfAborted();
    for (const host of hosts) host.write();
    await goesOn(history);
    const problems = await befall(hosts, history, minutes * 60_000, over.signal);
    over.signal.throwIfAborted();
    problems.push(...(await check(hosts, history)));
    const counts = (['acknowledged', 'refused', 'unknown'] as const).map(
      (outcome) => `${history.count(outcome)} ${outcome}`,
    );
    console.log(
      `writes: ${counts.join(', ')}; longest pause of writes ${longestPause(history).toFixed(1)} s`,
    );
    for (const problem of problems.slice(0, 50)) console.log(`WRONG: ${problem}`);
    console.log(`what the managers have said: ${logs}`);
    console.log(
      problems.length === 0 ? 'nothing was lost, done twice or out of order' : `${problems.length} problems`,
    );
    return problems.length === 0;
  } finally {
    for (const host of hosts) await host.end();
    await demolish(all);
  }
}

async function assemble([first, ...others]: readonly Host[]): Promise<void> {
  const root = await createRoot(Date.now());
  for (const { place } of [first!, ...others]) await certify(place, root);
  first!.start();
  await first!.hear('open');
  for (const host of others) {
    const added = first!.hear('added');
    first!.send({ type: 'add', url: peerOf(host.place.address) });
    const { memberId, members } = await added;
    await copyFile(join(first!.place.folder, 'cluster.db.key'), join(host.place.folder, 'cluster.db.key'));
    host.start();
    const started = host.hear('started');
    await delay(500);
    host.send({ type: 'joined', memberId, members });
    await started;
    const promoted = first!.hear('promoted');
    first!.send({ type: 'promote', memberId });
    await promoted;
    const open = host.hear('open');
    host.send({ type: 'admitted' });
    await open;
  }
}

async function certify({ name, address, folder }: Place, root: Root): Promise<void> {
  const { csr, key } = await requestPeer();
  const holder = { nodeId: name, role: 'manager', clusterId: 'c1', address } as const;
  const validity = { notBefore: Date.now() - HOUR, notAfter: Date.now() + 24 * HOUR };
  const certificate = issueCertificate(root, csr, { ...holder, ...validity });
  await keepPeer(join(folder, 'peer.json'), { certificate, key, roots: root.cert }, undefined);
}

/** Faults at random, until the time is over. Resolves with what was wrong meanwhile. */
async function befall(
  hosts: readonly Host[],
  history: History,
  ms: number,
  signal: AbortSignal,
): Promise<string[]> {
  const problems: string[] = [];
  const end = now() + ms;
  const tally = new Map<string, { times: number; longest: number }>();
  while (now() < end && !signal.aborted) {
    for (const [what, fault] of shuffled(Object.entries(FAULTS))) {
      if (now() >= end || signal.aborted) break;
      const leader = hosts.find(({ place }) => hosts.filter((each) => each.leader === place.name).length > 1);
      const host = leader && Math.random() < 0.7 ? leader : pick(hosts);
      const others = shuffled(hosts.filter((each) => each !== host));
      const begun = now();
      await fault({ host, others, lasting: between(LASTS) });
      const over = now();
      const again = await goesOn(history);
      if (!again) problems.push(`no writes within ${PATIENCE} ms after "${what}" on ${host.place.name}`);
      const pause = pauseAfter(history, begun);
      const told = tally.get(what) ?? { times: 0, longest: 0 };
      tally.set(what, { times: told.times + 1, longest: Math.max(told.longest, pause) });
      const role = host === leader ? 'leader' : 'follower';
      console.log(
        `${new Date().toISOString()} ${what}, ${role} ${host.place.name}, ${((over - begun) / 1000).toFixed(1)} s: writes paused for ${(pause / 1000).toFixed(1)} s`,
      );
      await delay(between(RESTS));
    }
  }
  for (const [what, { times, longest }] of tally)
    console.log(
      `${what.padEnd(32)} ${String(times).padStart(3)} times, writes paused for ${(longest / 1000).toFixed(1)} s at most`,
    );
  return problems;
}

/** Whether writes are acknowledged again, of those that begin from now on. */
async function goesOn(history: History): Promise<boolean> {
  const from = now();
  while (now() - from < PATIENCE) {
    const fresh = history.writes
      .slice(-500)
      .filter((write) => write.outcome === 'acknowledged' && write.began >= from);
    if (fresh.length >= WRITES_AGAIN) return true;
    await delay(50);
  }
  return false;
}

/** The longest time (ms) since then in which no write was acknowledged. */
function pauseAfter(history: History, from: number): number {
  let last = from;
  let longest = 0;
  const ends = history.writes.filter((write) => write.outcome === 'acknowledged' && write.ended >= from);
  for (const { ended } of ends.sort((a, b) => a.ended - b.ended)) {
    longest = Math.max(longest, ended - last);
    last = ended;
  }
  return longest;
}

function longestPause(history: History): number {
  const first = history.writes.find(({ outcome }) => outcome === 'acknowledged');
  return pauseAfter(history, first?.ended ?? 0) / 1000;
}

/** All see the same in the end, and it is what they were told. */
async function check(hosts: readonly Host[], history: History): Promise<string[]> {
  const problems: string[] = [];
  // No process is left that writes: what it was about to do has been done or has not.
  for (const host of hosts) host.quiet();
  await delay(6_000);
  const dumps = await Promise.all(
    hosts.map(async (host) => {
      const dump = host.hear('dump');
      host.send({ type: 'dump' });
      return { name: host.place.name, ...(await dump) };
    }),
  );
  for (const { name, revisions, counted, problems: seen } of dumps) {
    problems.push(...seen.map((problem) => `${name}: ${problem}`));
    const outcome = { revisions: new Map(revisions), counted };
    problems.push(...history.problems(outcome).map((problem) => `${name}: ${problem}`));
  }
  return problems;
}

const between = ([from, to]: readonly [number, number]): number => from + Math.random() * (to - from);
const pick = <T>(all: readonly T[]): T => all[Math.floor(Math.random() * all.length)]!;
const shuffled = <T>(all: readonly T[]): T[] =>
  all
    .map((each) => ({ each, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ each }) => each);
