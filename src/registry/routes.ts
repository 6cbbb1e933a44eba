/** What the registry of any manager asks of the leader's daemon. */
import type { RouteModule } from '../api/router.ts';
import { leaderOf } from '../api/swarm/access.ts';
import { CommandBody, decide } from './kv/command.ts';

export const registryRoutes: RouteModule = (router, { membership }) => {
  router.post('/essaim/registry', async (request) => {
    const command = await request.json(CommandBody);
    const { store, now } = leaderOf(membership);
    const { result } = await store.commit((view) => decide(command, view, { now: now() }));
    return { status: 200, body: result };
  });
};
