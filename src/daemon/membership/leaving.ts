/** How a host goes out of its swarm: what the others are told of it, and when. */

import { sayGoodbye } from '../node.ts';
import type { Log } from '../process/log.ts';
import type { Member } from './member.ts';

/** How long a leaving node waits for its managers to take note, in ms. */
const PATIENCE = 5_000;

/** Gives up what this host is for others, and ends what writes into its folder. Does not throw for managers that are away. */
export async function stepDown(member: Member, log: Log): Promise<void> {
  await member.bow(PATIENCE).catch((error: unknown) => {
    log.warn({ err: error }, 'the other managers were not told that this one leaves');
  });
  await member.node.close();
  await member.closeManager();
}

/** Says that this host has left, to whoever manages the swarm without it. Never rejects. */
export async function tellManagers({ record, identity }: Member, log: Log): Promise<void> {
  if (record.role === 'manager' && !record.etcd) return;
  const managers = record.managers.map(({ Addr }) => Addr);
  await sayGoodbye(identity, managers, PATIENCE).catch((error: unknown) =>
    log.warn({ err: error }, 'no manager took note that this node leaves'),
  );
}
