/** One configuration of TLS for clients and engines, as classic Swarm has it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createPlainServer } from 'node:http';
import { createServer, request } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { certificates } from '../../test/support/certificates.ts';
import { eventually } from '../../test/support/lab.ts';
import { nodesDiscovery } from '../discovery/simple.ts';
import type { Logger } from '../fleet/contract.ts';
import { Manager } from './manager.ts';
import { filtersNamed } from './rules/schedule.ts';
import type { EndpointTls } from './server.ts';
import { SimulatedEngine } from './testing/simulated-engine.ts';

const silent = (): void => undefined;
const log: Logger = { debug: silent, info: silent, warn: silent, error: silent };
const TIMING = { refreshMin: 50, refreshMax: 100, failureRetry: 3 };

function readCertificates(folder: string): Required<EndpointTls> {
  certificates(folder, ['127.0.0.1']);
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') };
}

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('an endpoint with TLS', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'endpoint-tls-'));
  let tls: Required<EndpointTls>;
  let engines: string[];
  const servers: Server[] = [];
  const managers: Manager[] = [];
  before(async () => {
    tls = readCertificates(folder);
    const safe = createServer(
      { ...tls, requestCert: true, rejectUnauthorized: true },
      new SimulatedEngine('safe').handler,
    );
    const plain = createPlainServer(new SimulatedEngine('plain').handler);
    servers.push(safe, plain);
    engines = [await listening(safe), await listening(plain)];
  });
  after(async () => {
    for (const manager of managers) await manager.close();
    for (const server of servers) server.close();
    rmSync(folder, { recursive: true });
  });

  /** Its port. */
  async function manage(own?: EndpointTls): Promise<number> {
    const scheduling = { strategy: 'spread', filters: filtersNamed([]) };
    const manager = new Manager({
      ...{ discovery: nodesDiscovery(engines.join()), scheduling, timing: TIMING, log },
      ...{ overcommit: 5, createRetries: 0, cors: false, ...(own && { tls: own }) },
    });
    managers.push(manager);
    await manager.start([]);
    return manager.server.listenTcp('127.0.0.1', 0, own);
  }

  /** The status lines of `info`, by host. */
  function statuses(port: number, client: object): Promise<Record<string, string>> {
    return new Promise((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port, path: '/info', agent: false, ...client }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        answer.once('end', () => {
          const { SystemStatus } = JSON.parse(text) as { SystemStatus: Array<[string, string]> };
          const hosts = SystemStatus.flatMap(([key, value], i) =>
            /^ \S/.test(key)
              ? [[value, SystemStatus.slice(i).find(([name]) => name.endsWith('Status'))![1]]]
              : [],
          );
          resolve(Object.fromEntries(hosts) as Record<string, string>);
        });
      });
      asked.once('error', reject).end();
    });
  }

  test('that verifies: clients need a certificate, engines are reached with the same one, plain ones are not', async () => {
    const port = await manage(tls);
    await eventually('the engine with TLS is Healthy', 10_000, async () => {
      return (await statuses(port, tls))[engines[0]!] === 'Healthy';
    });
    assert.equal((await statuses(port, tls))[engines[1]!], 'Pending');
    await assert.rejects(statuses(port, { ca: tls.ca }));
  });

  test('that does not: clients need none', async () => {
    const port = await manage({ cert: tls.cert, key: tls.key });
    await eventually('the engine with TLS is Healthy', 10_000, async () => {
      return (await statuses(port, { ca: tls.ca }))[engines[0]!] === 'Healthy';
    });
  });
});
