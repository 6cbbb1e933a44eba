/**
 * A manager's process, as far as its state goes: its member of etcd, its store, the election, and what looks after them. It
 * writes all the time, whether it leads or not, and tells of each write.
 */
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { reunite } from '../../../src/manager/peers/reunite.ts';
import { addLearner, promoteWhenReady } from '../../../src/manager/peers/steps.ts';
import { Upkeep } from '../../../src/manager/peers/upkeep.ts';
import { ManagerState, type StateOptions } from '../../../src/manager/state/state.ts';
import { systemClock } from '../../../src/model/clock.ts';
import { sampleConfig, sampleNode } from '../../../src/store/samples.ts';
import { Onlooker, outcomeIn, writeTo } from '../../../src/store/testing/history.ts';
import { type ManagerConfig, now, type Order, type Word } from './messages.ts';

const config = JSON.parse(process.argv[2]!) as ManagerConfig;
const { name, address, folder } = config;
/** Milliseconds between two writes. */
const PACE = 10;
const AFTER_REFUSAL = 50;
/** Bytes of what is large. */
const LARGE = 500_000;
const PORT = 2377;
const QUOTA = 8 * 1024 ** 3;

const log = (fields: object, message: string): void => {
  const { err, ...rest } = fields as { err?: Error };
  console.log(JSON.stringify({ at: new Date().toISOString(), ...rest, error: err?.message, message }));
};
const options: StateOptions = {
  folders: {
    database: join(folder, 'cluster.db'),
    dataKey: join(folder, 'cluster.db.key'),
    etcd: join(folder, 'etcd'),
    peer: { live: join(folder, 'peer'), kept: join(folder, 'peer.json') },
  },
  ...{ nodeId: name, address: () => address, fileKey: () => undefined, clock: systemClock },
  log: { info: log, warn: log, error: log },
};
const ending = new AbortController();

const tell = (word: Word): void => void process.send!(word);

function hear<T extends Order['type']>(type: T): Promise<Order & { type: T }> {
  return new Promise((resolve) => {
    const listener = (order: Order): void => {
      if (order.type !== type) return;
      process.off('message', listener);
      resolve(order as Order & { type: T });
    };
    process.on('message', listener);
  });
}

async function open(): Promise<ManagerState> {
  const { signal } = ending;
  if (config.begin === 'again')
    return ManagerState.openReplicated(options, { mode: 'again' }, signal, async () => {});
  if (config.begin === 'join') {
    const { memberId, members } = await hear('joined');
    return ManagerState.openReplicated(options, { mode: 'join', memberId, members }, signal, async () => {
      tell({ type: 'started' });
      await hear('admitted');
    });
  }
  const state = await ManagerState.openAlone(options);
  const changes = config.hosts.map((host) => {
    const Addr = `${host.address}:${PORT}`;
    const object = {
      ...sampleNode(host.name),
      ManagerStatus: { Leader: false, Reachability: 'reachable', Addr } as const,
    };
    return { op: 'put', kind: 'node', object } as const;
  });
  await state.store.commit({ changes });
  await state.replicate(`${process.pid}`, () => {});
  return state;
}

/** That it listens says that the daemon is there. */
const server = createServer((socket) => socket.destroy());
server.listen(PORT, address);
const state = await open();
const seat = await state.seated;
const onlooker = new Onlooker(state.store);
let terms = 0;
const look = (): void => {
  const leader = state.office.leader();
  if (leader === name) terms++;
  tell({ type: 'leader', name: leader });
};
state.office.watch(look);
look();
void reunite({ member: seat.member, clock: systemClock, log: { warn: log }, signal: ending.signal });
const care = { client: seat.client, quota: QUOTA, needed: () => seat.store.shown };
void new Upkeep({ ...care, log: options.log, onAlarms: (texts) => log({ texts }, 'alarms') }).run(
  systemClock,
  ending.signal,
);
void seat.member.ended.then((end) => {
  if (!ending.signal.aborted)
    log({ reason: end.reason, next: end.next }, `the member is no more: ${end.message}`);
});

async function write(): Promise<void> {
  for (let number = 0; !quiet && !ending.signal.aborted; number++) {
    const id = `${name}.${config.run}.${number}`;
    tell({ type: 'began', id, at: now() });
    const done = await writeTo(state.store, id, now, () => `${name}.${config.run}.${terms}`);
    tell({ type: 'ended', write: done });
    await delay(done.outcome === 'acknowledged' ? PACE : AFTER_REFUSAL);
  }
}

/** So that disks become full within a moment. */
async function writeLarge(): Promise<void> {
  for (const data = 'x'.repeat(LARGE); large && !ending.signal.aborted; ) {
    const change = { op: 'put', kind: 'config', object: sampleConfig('large', data) } as const;
    // Whether it is taken is nobody's concern.
    await state.store.commit({ changes: [change] }).catch(() => {});
    await delay(PACE);
  }
}

let large = false;
let quiet = false;
let writing: Promise<void> = Promise.resolve();
process.on('message', (order: Order) => {
  void obey(order).catch((error: unknown) => log({ err: error }, `cannot obey ${order.type}`));
});

async function obey(order: Order): Promise<void> {
  if (order.type === 'add') {
    const { member, members } = await addLearner(seat.client, order.url);
    tell({ type: 'added', memberId: member.ID, members });
  } else if (order.type === 'promote') {
    await promoteWhenReady(seat.client, order.memberId);
    tell({ type: 'promoted' });
  } else if (order.type === 'write') writing = write();
  else if (order.type === 'quiet') quiet = true;
  else if (order.type === 'large') {
    large = order.on;
    if (large) void writeLarge();
  } else if (order.type === 'dump') {
    const { revisions, counted } = outcomeIn(state.store.view);
    tell({ type: 'dump', revisions: [...revisions], counted, problems: onlooker.problems });
  }
}

process.once('SIGTERM', () => {
  ending.abort(new Error('the daemon ends'));
  server.close();
  void writing.then(() => state.close()).then(() => process.exit(0));
});
// Who has started it is gone.
process.once('disconnect', () => process.exit(1));
tell({ type: 'open' });
