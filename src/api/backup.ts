/** Backups of the swarm's state, and where a worker looks for its managers: nothing of Docker's. */
import { ApiError } from '../model/errors.ts';
import { array, object, optional, text } from '../model/schema.ts';
import { decodeJson } from './decode.ts';
import type { RouteModule } from './router.ts';
import { managerOf } from './swarm/access.ts';

/** The largest backup that is taken, bytes: a hundred times what a swarm of 50,000 tasks has. */
const MAX_BACKUP = 1024 * 1024 * 1024;

const CreateBody = object({ Passphrase: optional(text()) });
const RestoreBody = object({
  ListenAddr: optional(text()),
  AdvertiseAddr: optional(text()),
  DataPathAddr: optional(text()),
  Secret: optional(text()),
});
const FollowBody = object({ Managers: optional(array(text())) });

export const backupRoutes: RouteModule = (router, { membership }) => {
  router.post('/essaim/backup/create', async (request) => {
    const { Passphrase } = await request.json(CreateBody);
    const stream = managerOf(membership).backup(Passphrase || undefined);
    return { status: 200, headers: { 'Content-Type': 'application/octet-stream' }, stream };
  });

  // A line of JSON, then the file.
  router.post('/essaim/backup/restore', async (request) => {
    const body = await request.bytes(MAX_BACKUP);
    const end = body.indexOf('\n');
    if (end < 0) throw new ApiError(400, 'a line of JSON and a backup are wanted');
    const asked = decodeJson(body.toString('utf8', 0, end), RestoreBody, 'RestoreRequest');
    return { status: 200, body: await membership.restore(asked, body.subarray(end + 1)) };
  });

  router.post('/essaim/node/follow', async (request) => {
    const { Managers } = await request.json(FollowBody);
    if (!Managers?.length) throw new ApiError(400, 'the address of a manager is wanted');
    await membership.follow(Managers);
    return { status: 200 };
  });
};
