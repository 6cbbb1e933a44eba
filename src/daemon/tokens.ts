/** The token service of `swarm create`, `join` and `manage token://…`, where the daemon is told to serve it. */
import { listen } from '../api/listen.ts';
import { systemClock } from '../model/clock.ts';

/** Returns what ends it. Throws if an address cannot be served. */
export async function serveTokens(addresses: readonly { host: string; port: number }[]): Promise<() => void> {
  if (addresses.length === 0) return () => undefined;
  // What few ask for costs the others no memory.
  const { Tokens, tokenServer } = await import('../discovery/token-service.ts');
  const tokens = new Tokens(systemClock);
  const servers = addresses.map(() => tokenServer(tokens));
  await Promise.all(servers.map((server, i) => listen(server, addresses[i]!)));
  return () => {
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
  };
}
