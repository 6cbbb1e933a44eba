/**
 * The leading manager of three is lost: its daemon is killed, its host loses its power, its host is cut off; or it is demoted.
 * How long until another manager takes a change (demoted: the longest that one of many had to wait), until the tasks of that
 * host run elsewhere, and how many requests to a published port of the other hosts fail meanwhile: of all, and of those that
 * were led to tasks of hosts that live. Essaim, and Docker Swarm on engines of the same kind, in turn in one run; its
 * published ports need IPVS, which not every kernel has, and are not asked. Docker Swarm has every SHARE-th round only (2),
 * and comes back from it while Essaim has its next one: its recovery takes longest of all. A side that does not manage
 * something in three minutes is printed, and the rounds go on without it. DETAIL=1 prints each round.
 */
import type { EngineClient } from '../../src/engine/client.ts';
import { type Outcome, Requests } from './requests.ts';
import {
  ATTEMPT,
  found,
  nodes,
  PORT,
  pause,
  runElsewhere,
  type Side,
  settle,
  side,
  tasksOf,
  tell,
  until,
} from './side.ts';
import { armed, cutOff, plugIn, powerCut, powerOn, type Strike } from './strike.ts';

const ROUNDS = Number(process.env.ROUNDS ?? 3);
const ONLY = new RegExp(process.env.ONLY ?? '');
const SHARE = Number(process.env.SHARE ?? 2);
const SIDES = new RegExp(process.env.SIDES ?? '');
const DETAIL = process.env.DETAIL !== undefined;

interface Result {
  requests: Outcome | undefined;
  write: number;
  /** Until the lost host was called Down: what comes after it is the start of its tasks elsewhere. */
  down: number | undefined;
  tasks: number | undefined;
}

const FAULTS = {
  daemon: {
    ready: ({ lab, daemon }: Side, host: string): Promise<Strike> =>
      armed(lab, host, `kill -9 $(cut -d" " -f1 /run/${daemon}.process)`),
    mend: ({ lab }: Side, host: string) => lab.must('start', host),
  },
  power: {
    ready: ({ lab }: Side, host: string): Promise<Strike> => powerCut(lab, host),
    mend: ({ lab }: Side, host: string) => powerOn(lab, host),
  },
  'cut off': {
    ready: ({ lab }: Side, host: string): Promise<Strike> => cutOff(lab, host),
    mend: ({ lab }: Side, host: string) => plugIn(lab, host),
  },
  demoted: {
    ready:
      async (side: Side, host: string): Promise<Strike> =>
      () =>
        setRole(side, host, 'worker'),
    mend: (side: Side, host: string) => setRole(side, host, 'manager'),
  },
} as const;
type Fault = keyof typeof FAULTS;
const isLost = (fault: Fault): boolean => fault === 'power' || fault === 'cut off';
/** How long (ms) changes are asked for, one after the other, while a leader hands over. */
const HAND_OVER = 5_000;

async function setRole({ hosts, apis }: Side, host: string, role: 'worker' | 'manager'): Promise<void> {
  const api = apis.get(hosts.find((other) => other !== host)!)!;
  await until(`${host} is to be a ${role}`, async () => {
    const node = (await nodes(api)).find(({ Description }) => Description.Hostname === host)!;
    const path = `/nodes/${node.ID}/update?version=${node.Version.Index}`;
    return tell(api, path, { ...node.Spec, Role: role }, AbortSignal.timeout(ATTEMPT));
  });
}

/** Milliseconds from now on until a change is taken. */
async function nextWrite(api: EngineClient): Promise<number> {
  const begun = performance.now();
  let attempts = 0;
  await until('a change is taken', () =>
    tell(
      api,
      '/configs/create',
      { Name: `c${begun.toFixed(0)}-${attempts++}`, Data: 'eA==', Labels: {} },
      AbortSignal.timeout(ATTEMPT),
    ),
  );
  return performance.now() - begun;
}

/** Milliseconds that a change had to wait at most. */
async function longestWrite(api: EngineClient): Promise<number> {
  const end = performance.now() + HAND_OVER;
  let longest = 0;
  while (performance.now() < end) longest = Math.max(longest, await nextWrite(api));
  return longest;
}

/** One loss, measured; what is to be done for the next one is still to be called. */
async function round(side: Side, fault: Fault): Promise<Result & { recover(): Promise<void> }> {
  const [first = ''] = side.hosts;
  const any = side.apis.get(first)!;
  // As many tasks are on the host as on each other one, whatever the round before has left.
  const { Version, Spec } = await any.json<{ Version: { Index: number }; Spec: { TaskTemplate: object } }>(
    'GET',
    '/services/web',
    { signal: AbortSignal.timeout(ATTEMPT) },
  );
  const template = { ...Spec.TaskTemplate, ForceUpdate: Version.Index };
  await any.json('POST', '/services/web/update', {
    query: { version: Version.Index },
    body: { ...Spec, TaskTemplate: template, UpdateConfig: { Parallelism: 0 } },
    signal: AbortSignal.timeout(ATTEMPT),
  });
  await pause(3_000);
  await settle(side);
  const leader = (await nodes(any)).find(({ ManagerStatus }) => ManagerStatus?.Leader)!;
  const lost = leader.Description.Hostname;
  const others = side.hosts.filter((host) => host !== lost);
  const api = side.apis.get(others[0]!)!;
  const there = (await tasksOf(api)).filter(({ NodeID }) => NodeID === leader.ID);
  const addresses = there.flatMap(({ NetworksAttachments = [] }) =>
    NetworksAttachments.flatMap(({ Addresses }) => Addresses.map((address) => address.split('/')[0]!)),
  );
  const entries = others.map(async (host) => ({ lab: side.lab, host, ip: await side.lab.address(host) }));
  const load = side.daemon === 'essaim' ? Requests.begin(await Promise.all(entries), PORT) : undefined;
  await pause(1_000);
  const strike = await FAULTS[fault].ready(side, lost);
  const begun = performance.now();
  await strike();
  const struck = performance.now() - begun;
  const write = fault === 'demoted' ? await longestWrite(api) : struck + (await nextWrite(api));
  let [down, tasks]: (number | undefined)[] = [];
  if (isLost(fault)) {
    await until('the host is Down', async () => {
      const node = (await nodes(api)).find(({ ID }) => ID === leader.ID);
      return node?.Status.State === 'down';
    });
    down = performance.now() - begun;
    await until('its tasks run elsewhere', () => runElsewhere(api, leader.ID));
    tasks = performance.now() - begun;
  }
  await pause(1_000);
  const requests = await load?.end(new Set(isLost(fault) ? addresses : []));
  const recover = async (): Promise<void> => {
    await FAULTS[fault].mend(side, lost);
    await settle(side);
  };
  return { write, down, tasks, requests, recover };
}

const seconds = (values: readonly (number | undefined)[]): string => {
  const known = values.filter((value) => value !== undefined).sort((a, b) => a - b);
  if (known.length === 0) return '–'.padStart(14);
  const middle = known[Math.floor(known.length / 2)]!;
  return `${(middle / 1000).toFixed(1)} (${(known.at(-1)! / 1000).toFixed(1)})`.padStart(14);
};

const sides: Side[] = [];
/** Of sides whose recovery goes on meanwhile. */
const recoveries = new Map<Side, Promise<void>>();
const givenUp = new Set<Side>();

/** A side that fails is printed, and has no more rounds; the other one goes on. */
async function attempt(each: Side, fault: Fault, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    givenUp.add(each);
    if (each.daemon === 'essaim') process.exitCode = 1;
    console.log(`${each.name}, ${fault}: given up: ${(error as Error).message}`);
  }
}

try {
  if (SIDES.test('essaim')) sides.push(await side('essaim', ['fea', 'feb', 'fec'], 'essaim'));
  if (SIDES.test('docker swarm')) sides.push(await side('docker swarm', ['fsa', 'fsb', 'fsc'], 'engine'));
  for (const each of sides) await found(each).then(() => settle(each));
  console.log(`${ROUNDS} rounds; seconds, median (most)`);
  console.log(
    'fault     side         rounds     next write      host Down    tasks elsewhere  requests failed, of them led to living hosts',
  );
  for (const fault of Object.keys(FAULTS) as Fault[]) {
    if (!ONLY.test(fault)) continue;
    const results = new Map<Side, Result[]>(sides.map((each) => [each, []]));
    for (let i = 0; i < ROUNDS; i++)
      for (const each of sides) {
        if (givenUp.has(each) || (each.daemon === 'engine' && i % SHARE !== 0)) continue;
        await recoveries.get(each);
        await attempt(each, fault, async () => {
          const { recover, ...result } = await round(each, fault);
          results.get(each)!.push(result);
          if (DETAIL) console.log(each.name, fault, JSON.stringify(result));
          const recovered = attempt(each, fault, recover);
          if (each.daemon === 'engine') recoveries.set(each, recovered);
          else await recovered;
        });
      }
    for (const [{ name }, all] of results) {
      const sum = (key: 'failed' | 'asked' | 'living'): number =>
        all.reduce((total, { requests }) => total + (requests?.[key] ?? 0), 0);
      const cells = [
        fault.padEnd(9),
        name.padEnd(12),
        `${all.length}`.padStart(6),
        seconds(all.map(({ write }) => write)),
      ];
      cells.push(
        seconds(all.map(({ down }) => down)),
        seconds(all.map(({ tasks }) => tasks)).padStart(18),
        `${sum('failed')} of ${sum('asked')}, ${sum('living')}`,
      );
      console.log(cells.join(' '));
    }
  }
} finally {
  await Promise.all(recoveries.values());
  for (const { lab, apis } of sides) {
    for (const api of apis.values()) api.close();
    await lab[Symbol.asyncDispose]();
  }
}
