import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NetworkState } from '../model/network-state.ts';
import type { NetworksApplied } from '../model/protocol.ts';
import type { ManagerSession } from './contract.ts';
import { NetworkFollower } from './network-follower.ts';

const update = (revision: number) => ({
  ...{
    revision,
    full: true,
    dataPathPort: 4789,
    networks: [],
    removedNetworks: [],
    published: [],
    listed: [],
  },
});

test('a manager hears of a state that is reached, and of one that could not be', async () => {
  const told: NetworksApplied[] = [];
  const session = {
    networksApplied: async (applied: NetworksApplied) => void told.push(applied),
  } as unknown as ManagerSession;
  const logs: string[] = [];
  const apply = async ({ revision }: NetworkState): Promise<void> => {
    if (revision === 2) throw new Error('no such device');
  };
  const follower = new NetworkFollower({ apply }, (message) => logs.push(message));
  for (const revision of [1, 2, 3]) {
    follower.follow(update(revision), session);
    await new Promise(setImmediate);
  }
  assert.deepEqual(told, [{ revision: 1 }, { revision: 2, failed: true }, { revision: 3 }]);
  assert.deepEqual(logs, ['the networks of this host are not all right yet: no such device']);
});
