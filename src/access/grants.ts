/** What each route takes: what is not here is let through to nobody. */
import type { Right } from './actor.ts';

/** What a path's `{id}` names, for rights that depend on the stack that something belongs to. */
export type Target = 'service' | 'task' | 'container' | 'network' | 'secret' | 'config' | 'stack' | 'exec';

/** How a request's body is dealt with. */
export type BodyRule =
  /** JSON, read and judged; a deployer's is forwarded as it was understood. */
  | 'service'
  | 'network'
  | 'secret'
  | 'config'
  | 'exec'
  /** JSON for which the route's own right is enough; at most 8 MB. */
  | 'json'
  /** Any bytes, of any length. */
  | 'stream';

export interface Grant {
  method: string;
  /** As the router's: `/services/{id}/update`. */
  path: string;
  right: Right;
  target?: Target;
  /** json if it is not said. */
  body?: BodyRule;
  /** Its answer goes on for as long as the client wants. */
  lasting?: true;
  /** It changes nothing, whatever its method: the audit need not know. */
  reads?: true;
  /** A password or a code is checked: tries are limited. */
  tries?: true;
}

type Extra = Omit<Grant, 'method' | 'path' | 'right'>;

function grants(right: Right, routes: string, extra: Extra = {}): Grant[] {
  return routes
    .trim()
    .split('\n')
    .map((line) => {
      const [method, path] = line.trim().split(/\s+/);
      return { method: method!, path: path!, right, ...extra };
    });
}

/** Docker's own routes. */
const DOCKER: Grant[] = [
  ...grants(
    'see',
    `HEAD /_ping
     GET /_ping
     GET /version
     GET /info
     GET /system/df
     GET /nodes
     GET /nodes/{id}
     GET /services
     GET /services/{id}
     GET /tasks
     GET /tasks/{id}
     GET /networks
     GET /networks/{id}
     GET /secrets
     GET /secrets/{id}
     GET /configs
     GET /configs/{id}
     GET /volumes
     GET /volumes/{name}
     GET /images/json
     GET /images/{name...}/json
     GET /images/{name...}/history
     GET /distribution/{name...}/json
     GET /containers/json
     GET /containers/{id}/json
     GET /plugins
     GET /plugins/{name...}/json`,
  ),
  ...grants(
    'see',
    `GET /events
     GET /services/{id}/logs
     GET /tasks/{id}/logs
     GET /containers/{id}/logs
     GET /containers/{id}/stats`,
    { lasting: true },
  ),
  ...grants('stack', 'POST /services/create', { body: 'service' }),
  ...grants('stack', 'POST /services/{id}/update', { body: 'service', target: 'service' }),
  ...grants('stack', 'DELETE /services/{id}', { target: 'service' }),
  ...grants('stack', 'POST /networks/create', { body: 'network' }),
  ...grants('stack', 'DELETE /networks/{id}', { target: 'network' }),
  ...grants('stack', 'POST /secrets/create', { body: 'secret' }),
  ...grants('stack', 'POST /secrets/{id}/update', { body: 'secret', target: 'secret' }),
  ...grants('stack', 'DELETE /secrets/{id}', { target: 'secret' }),
  ...grants('stack', 'POST /configs/create', { body: 'config' }),
  ...grants('stack', 'POST /configs/{id}/update', { body: 'config', target: 'config' }),
  ...grants('stack', 'DELETE /configs/{id}', { target: 'config' }),
  ...grants(
    'stack',
    `POST /containers/{id}/start
     POST /containers/{id}/stop
     POST /containers/{id}/restart
     POST /containers/{id}/kill
     POST /containers/{id}/pause
     POST /containers/{id}/unpause`,
    { target: 'container' },
  ),
  ...grants('console', 'POST /containers/{id}/exec', { target: 'container', body: 'exec' }),
  ...grants(
    'console',
    `GET /exec/{id}/json
     POST /exec/{id}/resize`,
    { target: 'exec', reads: true },
  ),
  ...grants('console', 'POST /exec/{id}/start', { target: 'exec', lasting: true }),
  ...grants(
    'console',
    `GET /containers/{id}/top
     GET /containers/{id}/changes
     HEAD /containers/{id}/archive
     GET /containers/{id}/archive`,
    { target: 'container' },
  ),
  ...grants('console', 'POST /containers/{id}/resize', { target: 'container', reads: true }),
  ...grants('console', 'PUT /containers/{id}/archive', { target: 'container', body: 'stream' }),
  ...grants('console', 'POST /containers/{id}/attach', { target: 'container', lasting: true }),
  ...grants(
    'operate',
    `GET /swarm
     GET /swarm/unlockkey
     POST /swarm/init
     POST /swarm/join
     POST /swarm/leave
     POST /swarm/update
     POST /swarm/unlock
     POST /nodes/{id}/update
     DELETE /nodes/{id}
     POST /auth
     POST /commit
     POST /containers/create
     POST /containers/prune
     POST /containers/{id}/rename
     POST /containers/{id}/update
     DELETE /containers/{id}
     GET /images/search
     POST /images/prune
     POST /images/{name...}/tag
     DELETE /images/{name...}
     POST /build/prune
     POST /networks/prune
     POST /networks/{id}/connect
     POST /networks/{id}/disconnect
     POST /volumes/create
     POST /volumes/prune
     PUT /volumes/{name}
     DELETE /volumes/{name}`,
  ),
  ...grants(
    'operate',
    `POST /images/{name...}/push
     GET /containers/{id}/export
     GET /images/get
     GET /images/{name...}/get`,
    { lasting: true },
  ),
  ...grants('operate', 'POST /containers/{id}/wait', { lasting: true, reads: true }),
  ...grants(
    'operate',
    `POST /build
     POST /images/create
     POST /images/load`,
    { body: 'stream', lasting: true },
  ),
];

/** What Docker's API lacks. */
const OWN: Grant[] = [
  ...grants(
    'socket',
    `POST /essaim/setup-code
     POST /essaim/audit
     POST /essaim/seen
     GET /essaim/ui
     POST /essaim/backup/create
     POST /essaim/backup/restore
     POST /essaim/node/follow
     POST /essaim/registry
     POST /essaim/endpoint/containers/create
     POST /essaim/endpoint/containers/{id}/rename`,
  ),
  ...grants('open', 'GET /essaim/setup'),
  ...grants('open', 'POST /essaim/setup\nPOST /essaim/session', { tries: true }),
  ...grants(
    'own',
    `GET /essaim/session
     GET /essaim/sessions
     GET /essaim/tokens`,
  ),
  ...grants(
    'self',
    `DELETE /essaim/session
     DELETE /essaim/sessions/{id}
     POST /essaim/tokens
     DELETE /essaim/tokens/{name...}`,
  ),
  ...grants('self', 'POST /essaim/password', { tries: true }),
  ...grants(
    'accounts',
    `GET /essaim/users
     POST /essaim/users
     POST /essaim/users/{name}
     DELETE /essaim/users/{name}`,
  ),
  ...grants(
    'operate',
    `GET /essaim/audit
     GET /essaim/walls
     GET /essaim/registries
     POST /essaim/registries
     DELETE /essaim/registries/{host}
     POST /essaim/walls
     DELETE /essaim/walls/{name...}`,
  ),
  ...grants('see', 'POST /essaim/compose/check', { reads: true }),
  ...grants(
    'stack',
    `POST /essaim/stacks/{name}
     DELETE /essaim/stacks/{name}
     GET /essaim/stacks/{name}/revisions
     GET /essaim/stacks/{name}/revisions/{number}
     GET /essaim/stacks/{name}/diff
     GET /essaim/stacks/{name}/export`,
    { target: 'stack' },
  ),
  ...grants('stack', 'POST /essaim/services/{id}/plan', { target: 'service', reads: true }),
  ...grants('stack', 'GET /essaim/configs/{id}/versions', { target: 'config' }),
  ...grants('stack', 'GET /essaim/secrets/{id}/versions', { target: 'secret' }),
  ...grants('see', 'GET /metrics'),
  ...grants('see', 'GET /essaim/networks/check\nGET /essaim/tasks/{id}/why\nGET /essaim/nodes/{id}/drain'),
];

/** What is on the hosts, whichever it is. */
const HOSTS: Grant[] = [
  ...grants(
    'see',
    `GET /essaim/containers
     GET /essaim/images
     GET /essaim/volumes
     GET /essaim/disk
     GET /essaim/stats
     GET /essaim/nodes/{node}/containers/{id}/json`,
  ),
  ...grants(
    'see',
    `GET /essaim/nodes/{node}/containers/{id}/logs
     GET /essaim/nodes/{node}/containers/{id}/stats`,
    { lasting: true },
  ),
  ...grants(
    'stack',
    `POST /essaim/nodes/{node}/containers/{id}/start
     POST /essaim/nodes/{node}/containers/{id}/stop
     POST /essaim/nodes/{node}/containers/{id}/restart
     POST /essaim/nodes/{node}/containers/{id}/kill
     POST /essaim/nodes/{node}/containers/{id}/pause
     POST /essaim/nodes/{node}/containers/{id}/unpause`,
    { target: 'container' },
  ),
  ...grants('console', 'POST /essaim/nodes/{node}/containers/{id}/exec', {
    target: 'container',
    body: 'exec',
  }),
  ...grants('console', 'GET /essaim/nodes/{node}/containers/{id}/top', { target: 'container' }),
  ...grants(
    'operate',
    `DELETE /essaim/nodes/{node}/containers/{id}
     DELETE /essaim/nodes/{node}/volumes/{name}
     GET /essaim/nodes/{node}/volumes/{name}/files`,
  ),
  ...grants(
    'operate',
    `GET /essaim/nodes/{node}/volumes/{name}/file
     POST /essaim/images/pull
     POST /essaim/registries/try
     POST /essaim/images/prune
     POST /essaim/containers/prune
     POST /essaim/volumes/create
     POST /essaim/volumes/prune
     DELETE /essaim/images/{name...}`,
    { lasting: true },
  ),
  ...grants('operate', 'PUT /essaim/nodes/{node}/volumes/{name}/file', { body: 'stream' }),
  ...grants(
    'socket',
    `PUT /essaim/host/volumes/{name}/file
     GET /essaim/host/stats
     GET /essaim/host/volumes/{name}/files
     GET /essaim/host/volumes/{name}/file`,
  ),
];

export const GRANTS: readonly Grant[] = [...DOCKER, ...OWN, ...HOSTS];
