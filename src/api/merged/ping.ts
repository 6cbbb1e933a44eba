/** `/_ping`: whether the daemon is there, what it speaks, and what this host is in a swarm. */
import type { Membership } from '../contract.ts';
import type { ApiContext, ApiRequest, Router, TextReply } from '../router.ts';

const NO_CACHE = { 'Cache-Control': 'no-cache, no-store, must-revalidate', Pragma: 'no-cache' };

export function pingRoutes(router: Router, { engine, membership }: ApiContext): void {
  const ping = async (request: ApiRequest): Promise<TextReply> => {
    const headers: Record<string, string> = { ...NO_CACHE, Swarm: swarmHeader(membership) };
    try {
      const answer = await engine.request('GET', '/_ping', { signal: request.signal });
      answer.body.resume();
      const builder = answer.headers['builder-version'];
      if (typeof builder === 'string') headers['Builder-Version'] = builder;
      return { status: answer.status, headers, text: 'OK' };
    } catch (error) {
      // Clients read the headers of a ping that failed with 500, so that they can still use the swarm.
      return { status: 500, headers, text: (error as Error).message };
    }
  };
  router.get('/_ping', ping);
  router.on('HEAD', '/_ping', async (request) => {
    const { status, headers } = await ping(request);
    return { status, headers: { ...headers, 'Content-Type': 'text/plain; charset=utf-8' }, text: '' };
  });
}

/** As clients use it to decide which commands they offer. */
export function swarmHeader(membership: Membership): string {
  const { state } = membership.status();
  if (state !== 'active') return state;
  return membership.manager() ? 'active/manager' : 'active/worker';
}
