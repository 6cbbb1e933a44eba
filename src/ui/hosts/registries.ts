/** Registries: credentials that are stored once, used by every host that pulls, and tried from each. */
import type { ManagerFace } from '../../api/contract.ts';
import type { RouteModule } from '../../api/router.ts';
import { leaderOf, managerOf } from '../../api/swarm/access.ts';
import { HUB, registries, registryId, registryOf } from '../../control/registries.ts';
import type { Host } from '../../fleet/contract.ts';
import type { NodesFleet } from '../../fleet/nodes.ts';
import { timestamp } from '../../model/clock.ts';
import { ApiError } from '../../model/errors.ts';
import type { Credential } from '../../model/objects.ts';
import { array, object, optional, text } from '../../model/schema.ts';
import type { RegistryRow } from '../protocol.ts';
import { hostsNamed } from './asked.ts';
import { everywhere } from './everywhere.ts';

/** Where Docker's own is signed in to. */
const HUB_LOGIN = 'https://index.docker.io/v1/';
/** How long a host may take to reach a registry, ms. */
const PATIENCE = 30_000;
const HOST = /^[a-z0-9.-]+(:\d+)?$/;

const RegistryBody = object({ host: optional(text()), user: optional(text()), password: optional(text()) });
const TryBody = object({ host: optional(text()), image: optional(text()), nodes: optional(array(text())) });

interface Login {
  username: string;
  password: string;
  serveraddress: string;
}

/** `nodesOf`: what is on a manager's nodes; undefined where it is none any more. */
export function registriesRoutes(
  nodesOf: (manager: ManagerFace) => Promise<NodesFleet | undefined>,
): RouteModule {
  return (router, { membership }) => {
    router.get('/essaim/registries', () => ({
      status: 200,
      body: registries(managerOf(membership).store.view).map(rowOf),
    }));

    router.post('/essaim/registries', async (request) => {
      const { host = '', user = '', password = '' } = await request.json(RegistryBody);
      const name = (host ?? '').trim().toLowerCase();
      if (!HOST.test(name))
        throw new ApiError(
          400,
          `a registry is written as in names of images (registry.example.com:5000, or ${HUB}), not ${JSON.stringify(host)}`,
        );
      if (!user || !password) throw new ApiError(400, 'say as whom, and with which password or token');
      const login: Login = {
        ...{ username: user, password },
        serveraddress: name === HUB ? HUB_LOGIN : name,
      };
      const auth = Buffer.from(JSON.stringify(login)).toString('base64url');
      const { store, now } = leaderOf(membership);
      await store.commit((view) => {
        const before = view.get('credential', registryId(name));
        const at = timestamp(now());
        const kept: Credential = {
          ...(before ?? { ID: registryId(name), Version: { Index: 0 }, CreatedAt: at, internal: {} }),
          ...{ auth, UpdatedAt: at },
        };
        return { changes: [{ op: 'put', kind: 'credential', object: kept }] };
      });
      return { status: 204 };
    });

    router.delete('/essaim/registries/{host}', async ({ params }) => {
      const { store } = leaderOf(membership);
      await store.commit((view) => {
        const kept = view.get('credential', registryId(params.host!));
        if (!kept) throw new ApiError(404, `nothing is kept of the registry ${params.host}`);
        const { ID, Version } = kept;
        return { changes: [{ op: 'delete', kind: 'credential', id: ID, revision: Version.Index }] };
      });
      return { status: 204 };
    });

    router.post('/essaim/registries/try', async (request) => {
      const { host, image, nodes: places } = await request.json(TryBody);
      const manager = managerOf(membership);
      const name = image ? registryOf(image) : (host ?? '');
      const auth = manager.store.view.get('credential', registryId(name))?.auth;
      if (!auth && !image) throw new ApiError(404, `nothing is kept of the registry ${name}`);
      const nodes = await nodesOf(manager);
      if (!nodes) throw new ApiError(503, 'this host is no manager any more');
      await nodes.known;
      const stream = everywhere(hostsNamed(nodes.fleet, places), (each) => {
        const limit = AbortSignal.any([request.signal, AbortSignal.timeout(PATIENCE)]);
        return image ? looked(each, image, auth, limit) : signedIn(each, auth!, limit);
      });
      return { status: 200, stream, lasting: true };
    });
  };
}

async function signedIn({ engine }: Host, auth: string, signal: AbortSignal): Promise<string> {
  const { Status } = await engine.json<{ Status: string }>('POST', '/auth', { body: loginOf(auth), signal });
  return Status;
}

/** Has the host ask the registry for the image, without pulling it. */
async function looked(
  { engine }: Host,
  image: string,
  auth: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const path = `/distribution/${image.split('/').map(encodeURIComponent).join('/')}/json`;
  const headers: Record<string, string> = auth === undefined ? {} : { 'x-registry-auth': auth };
  const { Descriptor } = await engine.json<{ Descriptor: { digest: string } }>('GET', path, {
    headers,
    signal,
  });
  return Descriptor.digest;
}

function loginOf(auth: string): Login {
  return JSON.parse(Buffer.from(auth, 'base64url').toString()) as Login;
}

/** Nothing of the password is ever told. */
function rowOf({ host, credential }: ReturnType<typeof registries>[number]): RegistryRow {
  return { host, user: loginOf(credential.auth ?? '').username, changed: credential.UpdatedAt };
}
