/** Serves a network driver to the engine of this host on a unix socket. */
import { mkdir, rm } from 'node:fs/promises';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { dirname } from 'node:path';
import { createServer } from '../../node/http.ts';
import type { NetworkLog } from '../contract.ts';
import type {
  CreateEndpointCall,
  CreateNetworkCall,
  EndpointCall,
  JoinCall,
  NetworkCall,
  NetworkDriver,
} from './protocol.ts';

/** The engine's calls are short; anything longer is not one. */
const MAX_BODY = 1 << 20;

type Answer = (driver: NetworkDriver, call: never) => unknown;

const NOTHING = async (): Promise<object> => ({});
const CALLS: Readonly<Record<string, Answer>> = {
  'Plugin.Activate': async () => ({ Implements: ['NetworkDriver'] }),
  // Scope local: the engine needs no cluster of its own for these networks.
  'NetworkDriver.GetCapabilities': async () => ({ Scope: 'local', ConnectivityScope: 'global' }),
  'NetworkDriver.CreateNetwork': (driver, call: CreateNetworkCall) => driver.createNetwork(call),
  'NetworkDriver.DeleteNetwork': (driver, call: NetworkCall) => driver.deleteNetwork(call),
  'NetworkDriver.CreateEndpoint': (driver, call: CreateEndpointCall) => driver.createEndpoint(call),
  'NetworkDriver.DeleteEndpoint': (driver, call: EndpointCall) => driver.deleteEndpoint(call),
  'NetworkDriver.EndpointOperInfo': async () => ({ Value: {} }),
  'NetworkDriver.Join': (driver, call: JoinCall) => driver.join(call),
  'NetworkDriver.Leave': (driver, call: EndpointCall) => driver.leave(call),
  'NetworkDriver.DiscoverNew': NOTHING,
  'NetworkDriver.DiscoverDelete': NOTHING,
  'NetworkDriver.ProgramExternalConnectivity': NOTHING,
  'NetworkDriver.RevokeExternalConnectivity': NOTHING,
};

export interface PluginServer {
  /** Ends open connections too; the socket is gone after it. */
  close(): Promise<void>;
}

/** Resolves when the engine can call. A socket that an earlier process left is taken over. */
export async function servePlugin(
  path: string,
  driver: NetworkDriver,
  log: NetworkLog,
): Promise<PluginServer> {
  // The engine keeps its connections. When one ends on which it sends just then, it asks again with nothing in its call.
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    answer(driver, request).then(
      (body) => send(response, 200, body),
      (error: Error) => {
        log.warn({ err: error, call: request.url }, 'a call of the engine to the network plugin failed');
        send(response, 500, { Err: error.message });
      },
    );
  });
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  await listen(server, path);
  return {
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function answer(driver: NetworkDriver, request: IncomingMessage): Promise<object> {
  const call = CALLS[(request.url ?? '').replace(/^\//, '')];
  if (!call) throw new Error(`${request.url} is not a call of the network-plugin protocol`);
  const text = await readBody(request);
  return ((await call(driver, (text === '' ? {} : JSON.parse(text)) as never)) as object | undefined) ?? {};
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) throw new Error('the call is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/vnd.docker.plugins.v1.2+json' });
  response.end(JSON.stringify(body));
}
