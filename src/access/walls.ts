/** Links for a screen on the wall: whoever has one sees the map, and nothing else, until it is withdrawn. */
import type { RouteModule } from '../api/router.ts';
import { managerOf } from '../api/swarm/access.ts';
import type { AccessToken } from '../model/accounts.ts';
import { timestamp } from '../model/clock.ts';
import { ApiError } from '../model/errors.ts';
import { number, object, optional, text } from '../model/schema.ts';
import type { View } from '../store/contract.ts';
import type { Issued, Keeper } from './accounts.ts';
import type { Actor } from './actor.ts';
import { ACTOR } from './routes.ts';
import { digest, newSecret } from './secret.ts';

const DAY = 86_400_000;
/** How long a link is good unless it is said otherwise, days. */
const LIFE = 365;

const WallBody = object({ name: optional(text()), days: optional(number()) });

/** A link in that account's name: it ends with the account. @throws ApiError 400, 409 */
export async function newWall(
  { store, now }: Keeper,
  { user, name, days = LIFE }: { user: string; name: string; days?: number },
): Promise<Issued<AccessToken>> {
  if (name === '' || name.length > 100) throw new ApiError(400, 'a link has a name of 1 to 100 characters');
  if (!(days > 0 && days <= 3650)) throw new ApiError(400, 'a link is good for 1 to 3650 days');
  const secret = newSecret('essaim_wall_');
  const at = timestamp(now());
  const kept: AccessToken = {
    ...{ ID: digest(secret), Version: { Index: 0 }, CreatedAt: at, UpdatedAt: at },
    ...{ use: 'wall', name, user, scope: 'read', endsAt: now() + days * DAY, internal: {} },
  };
  await store.commit((view) => {
    if (wallsOf(view).some((each) => each.name === name))
      throw new ApiError(409, `there is a link ${name} already: withdraw it first`);
    return { changes: [{ op: 'put', kind: 'accessToken', object: kept }] };
  });
  return { secret, kept };
}

/** Whose link that is, if it is good; all that he may is to see the map. */
export function wallActor(secret: string, view: View, now: number): Actor | undefined {
  const token = view.get('accessToken', digest(secret));
  if (token?.use !== 'wall' || (token.endsAt ?? 0) <= now) return undefined;
  const user = view.get('user', token.user ?? '');
  if (!user || user.disabled) return undefined;
  return {
    name: user.ID,
    role: 'viewer',
    stacks: new Set(),
    scope: 'wall',
    via: { kind: 'accessToken', id: token.ID, name: token.name },
  };
}

export const wallRoutes: RouteModule = (router, { membership }) => {
  const keeper = (): Keeper => managerOf(membership);

  router.get('/essaim/walls', () => ({
    status: 200,
    body: wallsOf(keeper().store.view).map(({ name, user, CreatedAt, endsAt }) => ({
      ...{ name, user, created: CreatedAt },
      ends: timestamp(endsAt ?? 0),
    })),
  }));

  router.post('/essaim/walls', async (request) => {
    const { name, days } = await request.json(WallBody);
    const user = request.headers[ACTOR];
    if (typeof user !== 'string') throw new ApiError(400, 'a link is somebody’s: sign in');
    const { secret } = await newWall(keeper(), { user, name: name ?? '', days: days ?? undefined });
    return { status: 201, body: { name, secret } };
  });

  router.delete('/essaim/walls/{name...}', async ({ params }) => {
    await keeper().store.commit((view) => {
      const wall = wallsOf(view).find(({ name }) => name === params.name);
      if (!wall) throw new ApiError(404, `there is no link ${params.name}`);
      return {
        changes: [{ op: 'delete', kind: 'accessToken', id: wall.ID, revision: wall.Version.Index }],
      };
    });
    return { status: 204 };
  });
};

function wallsOf(view: View): AccessToken[] {
  return [...view.all('accessToken')].filter(({ use }) => use === 'wall');
}
