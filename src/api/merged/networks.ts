/** `/networks`: the engine's. Networks of the swarm are not made in this version, and it says so. */
import { ApiError } from '../../model/errors.ts';
import { NetworkSpec } from '../../model/spec.ts';
import type { ApiContext, Router } from '../router.ts';
import { managerOf } from '../swarm/access.ts';

export function networkRoutes(router: Router, { membership }: ApiContext): void {
  router.post('/networks/create', async (request) => {
    const spec = await request
      .json(NetworkSpec, 'NetworkCreateRequest')
      .catch((error: ApiError): NetworkSpec => {
        // What is wrong with a body is the engine's to say, unless it is too much to pass on.
        if (error.status === 400) return {};
        throw error;
      });
    if (spec.Driver === 'overlay' || spec.Scope === 'swarm') {
      managerOf(membership);
      throw new ApiError(
        501,
        'overlay networks are not in this version of Essaim yet: use host-mode ports, or networks that exist on each node',
      );
    }
    return { forward: { body: await request.bytes() } };
  });
}
