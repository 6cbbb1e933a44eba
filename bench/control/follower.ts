/** A process that is the state of a manager that follows: its member of etcd, its view, and the election. */
import { ManagerState } from '../../src/manager/state/state.ts';
import { systemClock } from '../../src/model/clock.ts';
import { foldersIn } from './members.ts';
import type { FollowerReport, FollowerStart } from './messages.ts';
import { Seen } from './seen.ts';

process.once('message', (start: FollowerStart) => {
  run(start).catch((error: Error) => report({ type: 'failed', message: String(error.stack) }));
});
process.once('disconnect', () => process.exit());

async function run({ folder, address, name, memberId, members }: FollowerStart): Promise<void> {
  const log = (fields: object, message: string): void =>
    report({ type: 'log', message: `${message} ${JSON.stringify(fields)}` });
  const state = await ManagerState.openReplicated(
    {
      ...{ folders: foldersIn(folder), nodeId: name, address: () => address, fileKey: () => undefined },
      ...{ clock: systemClock, log: { info: log, warn: log, error: log } },
    },
    { mode: 'join', memberId, members },
    new AbortController().signal,
    async () => report({ type: 'started' }),
  );
  const seen = new Seen(state.store);
  process.on('message', () => report({ type: 'seen', at: seen.all() }));
  report({ type: 'ready' });
}

function report(message: FollowerReport): void {
  process.send?.(message);
}
