/** Containers that are made. */
import { objectOf } from '../../api/body-object.ts';
import { ApiError } from '../../model/errors.ts';
import type { ClusterRoutes } from '../contract.ts';
import { createContainer } from '../create.ts';

/** @param retries how often a create that failed on one host is tried again */
export function createRoutes(retries: number): ClusterRoutes {
  return (router, { cluster, log }) => {
    router.post('/containers/create', async (request) => {
      const body = await objectOf(request);
      if (!body)
        throw new ApiError(400, 'the body of a request to create a container has to be an object in JSON');
      const { name = '', ...query } = Object.fromEntries(request.query);
      const auth = request.headers['x-registry-auth'];
      const { id, warnings } = await createContainer(
        cluster,
        {
          name: name.replace(/^\//, ''),
          body,
          query,
          ...(typeof auth === 'string' && { registryAuth: auth }),
          signal: request.signal,
        },
        { retries, log },
      );
      return { status: 201, body: { Id: id, Warnings: warnings } };
    });
  };
}
