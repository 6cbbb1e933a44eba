/** What each host tells its managers of itself, beside what its engine says. Asked over the agent's tunnel, or as root. */
import { basename } from 'node:path';
import type { RouteModule } from '../../../api/router.ts';
import { ApiError } from '../../../model/errors.ts';
import { contentOf, filesOf, putFile } from './files.ts';

interface Volume {
  Driver: string;
  Mountpoint: string;
  Options: Record<string, string> | null;
}

export const hereRoutes: RouteModule = (router, { engine }) => {
  const root = async (name: string): Promise<string> => {
    const volume = await engine.json<Volume>('GET', `/volumes/${encodeURIComponent(name)}`);
    if (volume.Driver !== 'local')
      throw new ApiError(400, `only volumes of the driver local can be looked into, not ${volume.Driver}`);
    return volume.Mountpoint;
  };

  router.get('/essaim/host/volumes/{name}/files', async ({ params, query }) => ({
    status: 200,
    body: await filesOf(await root(params.name!), query.get('path') ?? ''),
  }));

  router.put('/essaim/host/volumes/{name}/file', async (request) => {
    await putFile(await root(request.params.name!), request.query.get('path') ?? '', request.body());
    return { status: 204 };
  });

  router.get('/essaim/host/volumes/{name}/file', async ({ params, query }) => {
    const path = query.get('path') ?? '';
    const { stream, size } = await contentOf(await root(params.name!), path);
    const name = encodeURIComponent(basename(path));
    return {
      status: 200,
      headers: {
        // Whatever is in it, no browser shows it as a page of ours.
        'Content-Type': 'application/octet-stream',
        'Content-Disposition': `attachment; filename*=UTF-8''${name}`,
        'Content-Length': String(size),
      },
      stream,
      lasting: true,
    };
  });
};
