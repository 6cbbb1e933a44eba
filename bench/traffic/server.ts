/**
 * A small HTTP server for containers: answers each request with the name of its host. It imports nothing of the project.
 * usage: node server.ts PORT finish|exit: what SIGTERM means to it.
 *
 * `finish`: as good servers do it: answers what comes, each answer saying that the connection ends with it, and ends when
 * no connection is left, or with what was idle for a second. `exit`: it is gone at once, whoever waits for an answer.
 */
import { createServer } from 'node:http';
import { hostname } from 'node:os';

const IDLE = 1_000;
const [port, how] = process.argv.slice(2) as [string, 'finish' | 'exit'];
const name = `${hostname()}\n`;
let ending = false;
const server = createServer((request, response) => {
  request.resume();
  if (ending) response.setHeader('connection', 'close');
  response.end(name);
});
// Clients decide how long they keep a connection: a server that closes one may cross a request on its way.
server.keepAliveTimeout = 0;
server.listen({ port: Number(port), host: '::', backlog: 4096 });
process.on('SIGTERM', () => {
  if (how === 'exit') process.exit(0);
  ending = true;
  setTimeout(() => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  }, IDLE);
});
