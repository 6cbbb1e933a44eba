/** What somebody has done, in words: `made the service web`, `opened a console in web.1`. */
import type { AuditRow } from '../../../src/ui/protocol.ts';

type Done = Pick<AuditRow, 'method' | 'path' | 'about'>;

const KINDS: Record<string, string> = {
  services: 'service',
  networks: 'network',
  secrets: 'secret',
  configs: 'config',
  nodes: 'node',
  containers: 'container',
  images: 'image',
  volumes: 'volume',
  stacks: 'stack',
  users: 'account',
  tokens: 'token',
  sessions: 'session',
  walls: 'link for a screen',
  registries: 'registry',
};
/** By the last step of a path. */
const DEEDS: Record<string, string> = {
  create: 'made',
  update: 'changed',
  start: 'started',
  stop: 'stopped',
  restart: 'restarted',
  kill: 'killed',
  pause: 'paused',
  unpause: 'let go on',
  rename: 'renamed',
  connect: 'connected something to',
  disconnect: 'disconnected something from',
  tag: 'tagged',
  push: 'pushed',
};
/** Requests that are about no one thing. */
const WHOLE: Record<string, string> = {
  'POST /essaim/session': 'signed in',
  'DELETE /essaim/session': 'signed out',
  'POST /essaim/setup': 'made the first account',
  'POST /essaim/setup-code': 'asked for a code for the first visit',
  'POST /essaim/password': 'changed the password',
  'POST /essaim/users': 'made an account',
  'POST /essaim/tokens': 'made a token',
  'POST /essaim/walls': 'made a link for a screen',
  'POST /essaim/registries': 'signed in to a registry',
  'POST /essaim/volumes/create': 'made a volume',
  'POST /essaim/registries/try': 'tried a registry',
  'POST /essaim/images/pull': 'pulled an image',
  'POST /images/create': 'pulled an image',
  'POST /images/load': 'loaded images',
  'POST /build': 'built an image',
  'POST /build/prune': 'removed what builds have kept',
  'POST /commit': 'made an image of a container',
  'POST /auth': 'tried to sign in to a registry',
  'POST /swarm/init': 'began the swarm',
  'POST /swarm/join': 'joined the swarm',
  'POST /swarm/leave': 'left the swarm',
  'POST /swarm/update': 'changed the swarm’s settings',
  'POST /swarm/unlock': 'unlocked the swarm',
};

/** As the request itself where there are no words for it. */
export function deedText({ method, path, about }: Done): string {
  const whole = WHOLE[`${method} ${path}`];
  if (whole) return whole;
  const steps = path.split('/').filter((step) => step !== '' && step !== 'essaim');
  // `/nodes/N/containers/C/stop` is about the container.
  const inside = steps[0] === 'nodes' && KINDS[steps[2] ?? ''] ? steps.slice(2) : steps;
  const kind = KINDS[inside[0] ?? ''];
  if (inside[0] === 'exec') return 'began what was asked for in a console';
  const last = inside.at(-1)!;
  if (!kind) return `${method} ${path}`;
  if (last === 'prune') return `removed unused ${inside[0]}`;
  const name = about ?? (inside[1] === 'create' ? undefined : inside[1]);
  const named = `the ${kind}${name === undefined ? '' : ` ${name}`}`;
  if (last === 'exec' || last === 'attach') return `opened a console in ${name}`;
  if (last === 'archive' || last === 'file') return `put something into ${named}`;
  if (method === 'DELETE') return `removed ${named}`;
  if (DEEDS[last] && inside.length > 1) return `${DEEDS[last]} ${named}`;
  if (kind === 'stack') return `deployed ${named}`;
  return inside.length === 2 ? `changed ${named}` : `${method} ${path}`;
}
