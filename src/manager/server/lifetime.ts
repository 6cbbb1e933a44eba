/** How long connections to the cluster port last. */
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';

/**
 * Ends the connection when it has carried nothing for `limit` ms: sessions, tunnels and what other managers pass on last
 * as long as they last. A stranger's ends after that time in any case.
 */
export function limitLifetime(connection: ServerHttp2Session, isStranger: boolean, limit: number): void {
  let streams = 0;
  const end = (): void => connection.destroy();
  let timer = setTimeout(end, limit);
  connection.on('close', () => clearTimeout(timer));
  if (isStranger) return;
  connection.on('stream', (stream: ServerHttp2Stream) => {
    clearTimeout(timer);
    streams++;
    stream.on('close', () => {
      if (--streams === 0 && !connection.destroyed) timer = setTimeout(end, limit);
    });
  });
}
