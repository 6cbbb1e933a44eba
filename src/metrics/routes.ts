/** `GET /metrics`, with the API, and at addresses of its own. */
import type { Server } from 'node:http';
import { listen } from '../api/listen.ts';
import { refuse } from '../api/refuse.ts';
import type { RouteModule } from '../api/router.ts';
import { createServer } from '../node/http.ts';
import { type Format, formatFor, TYPES } from './figures.ts';

export function metricsRoutes(text: (format: Format) => string): RouteModule {
  return (router) => {
    router.own('metrics');
    router.get('/metrics', ({ headers }) => {
      const format = formatFor(headers.accept);
      return { status: 200, headers: { 'Content-Type': TYPES[format] }, text: text(format) };
    });
  };
}

/** Serves them alone, in the clear. @throws what the system says if it cannot listen there */
export async function serveMetrics(
  where: { host: string; port: number },
  text: (format: Format) => string,
): Promise<Server> {
  const server = createServer((request, response) => {
    const path = request.url?.split('?', 1)[0];
    const isKnown = path === '/metrics';
    if (!isKnown || (request.method !== 'GET' && request.method !== 'HEAD')) {
      response.writeHead(isKnown ? 405 : 404, { 'Content-Type': 'text/plain; charset=utf-8' });
      response.end(isKnown ? 'only GET\n' : 'there is only /metrics\n');
      return;
    }
    const format = formatFor(request.headers.accept);
    response.writeHead(200, { 'Content-Type': TYPES[format] });
    response.end(text(format));
  });
  server.on('clientError', refuse);
  await listen(server, where);
  return server;
}
