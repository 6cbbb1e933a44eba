/** What is on all hosts, and what is done there: routes of a manager. Each names what it does; nothing else is passed on. */
import type { ManagerFace } from '../../api/contract.ts';
import type { ApiRequest, RouteModule } from '../../api/router.ts';
import { managerOf } from '../../api/swarm/access.ts';
import { registryAuth } from '../../control/registries.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import type { NodesFleet } from '../../fleet/nodes.ts';
import { ApiError } from '../../model/errors.ts';
import { array, boolean, map, object, optional, text } from '../../model/schema.ts';
import { hostNamed, hostsNamed, passedTo } from './asked.ts';
import { everywhere } from './everywhere.ts';
import { diskUse, madeVolume, pruned, pulled, removedImage } from './keeping.ts';
import { containerRows, imageRows, volumeRows } from './rows.ts';

/** What may be done to a container, whichever host it is on. */
const ACTIONS = ['start', 'stop', 'restart', 'kill', 'pause', 'unpause'] as const;

const PullBody = object({ image: optional(text()), nodes: optional(array(text())) });
const VolumeBody = object({
  name: optional(text()),
  driver: optional(text()),
  options: optional(map(text())),
  labels: optional(map(text())),
  nodes: optional(array(text())),
});
const PruneBody = object({ all: optional(boolean()), nodes: optional(array(text())) });

/** `nodesOf`: what is on a manager's nodes; undefined where it is none any more. */
export function hostRoutes(nodesOf: (manager: ManagerFace) => Promise<NodesFleet | undefined>): RouteModule {
  return (router, { membership }) => {
    const known = async (): Promise<Fleet> => {
      const nodes = await nodesOf(managerOf(membership));
      if (!nodes) throw new ApiError(503, 'this host is no manager any more');
      await nodes.known;
      return nodes.fleet;
    };
    /** Passes a request on to the node that its path names. */
    const pass =
      (path: (params: Readonly<Record<string, string>>) => string) => async (request: ApiRequest) => {
        const fleet = await known();
        const host = hostNamed(fleet, request.params.node!);
        return passedTo(fleet, host, path(request.params), request);
      };

    router.get('/essaim/containers', async () => ({
      status: 200,
      body: containerRows((await known()).hosts()),
    }));
    router.get('/essaim/images', async () => ({ status: 200, body: imageRows((await known()).hosts()) }));
    router.get('/essaim/volumes', async () => ({ status: 200, body: volumeRows((await known()).hosts()) }));
    router.get('/essaim/disk', async ({ signal }) => ({
      status: 200,
      body: await diskUse((await known()).hosts(), signal),
    }));

    const container = '/essaim/nodes/{node}/containers/{id}';
    const at = ({ id }: Readonly<Record<string, string>>): string => `/containers/${encodeURIComponent(id!)}`;
    router.get(
      `${container}/json`,
      pass((params) => `${at(params)}/json`),
    );
    router.get(
      `${container}/logs`,
      pass((params) => `${at(params)}/logs`),
    );
    router.get(
      `${container}/stats`,
      pass((params) => `${at(params)}/stats`),
    );
    router.get(
      `${container}/top`,
      pass((params) => `${at(params)}/top`),
    );
    for (const action of ACTIONS)
      router.post(
        `${container}/${action}`,
        pass((params) => `${at(params)}/${action}`),
      );
    router.delete(container, pass(at));

    router.post('/essaim/images/pull', async (request) => {
      const { image, nodes } = await request.json(PullBody);
      if (!image) throw new ApiError(400, 'say which image: {"image": "nginx:1.27"}');
      const hosts = hostsNamed(await known(), nodes);
      const auth = registryAuth(managerOf(membership).store.view, image);
      const stream = everywhere(hosts, (host) => pulled(host, image, auth, request.signal));
      return { status: 200, stream, lasting: true };
    });
    router.delete('/essaim/images/{name...}', async ({ params, query, signal }) => {
      const name = params.name!;
      const force = query.get('force') === '1' || query.get('force') === 'true';
      const hosts = hostsNamed(await known(), query.getAll('node')).filter(
        ({ images }) => query.has('node') || images.some((image) => isCalled(image, name)),
      );
      if (hosts.length === 0) throw new ApiError(404, `no host has the image ${name}`);
      return {
        status: 200,
        stream: everywhere(hosts, (host) => removedImage(host, name, force, signal)),
        lasting: true,
      };
    });
    for (const kind of ['images', 'containers', 'volumes'] as const)
      router.post(`/essaim/${kind}/prune`, async (request) => {
        const { all, nodes } = await request.json(PruneBody);
        const hosts = hostsNamed(await known(), nodes);
        const stream = everywhere(hosts, (host) => pruned(host, kind, all === true, request.signal));
        return { status: 200, stream, lasting: true };
      });

    const volume = '/essaim/nodes/{node}/volumes/{name}';
    router.delete(
      volume,
      pass(({ name }) => `/volumes/${encodeURIComponent(name!)}`),
    );
    const inside = (params: Readonly<Record<string, string>>, what: string): string =>
      `/essaim/host/volumes/${encodeURIComponent(params.name!)}/${what}`;
    for (const what of ['files', 'file'])
      router.get(
        `${volume}/${what}`,
        pass((params) => inside(params, what)),
      );
    router.put(`${volume}/file`, async (request) => {
      const fleet = await known();
      const host = hostNamed(fleet, request.params.node!);
      return passedTo(fleet, host, inside(request.params, 'file'), request, request.body());
    });
    router.post('/essaim/volumes/create', async (request) => {
      const { nodes, ...volume } = await request.json(VolumeBody);
      if (!volume.name) throw new ApiError(400, 'say what it is called: {"name": "data"}');
      const hosts = hostsNamed(await known(), nodes);
      const stream = everywhere(hosts, (host) => madeVolume(host, volume, request.signal));
      return { status: 200, stream, lasting: true };
    });
  };
}

function isCalled(
  image: { Id: string; RepoTags: string[] | null; RepoDigests: string[] | null },
  name: string,
): boolean {
  return (
    image.Id === name ||
    image.Id.slice('sha256:'.length).startsWith(name) ||
    (image.RepoTags ?? []).includes(name) ||
    (image.RepoDigests ?? []).includes(name)
  );
}
