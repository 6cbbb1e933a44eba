/** The registry of published containers, asked by what people ask a Consul with. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../support/lab.ts';
import { Swarm } from '../support/swarm.ts';

const PORT = 8500;
const SLEEP = ['busybox', 'sleep', '100000'];

interface CatalogService {
  ServiceID: string;
  ServiceName: string;
  ServiceAddress: string;
  ServicePort: number;
  ServiceTags: string[];
  Node: string;
}

describe('the registry of published containers', { timeout: 240_000 }, () => {
  let swarm: Swarm;
  const addresses: Record<string, string> = {};
  const [a, b] = ['ra', 'rb'];
  before(async () => {
    const daemon = [`registry-host=tcp://0.0.0.0:${PORT}`];
    swarm = await Swarm.on({ name: a, daemon }, b);
    for (const host of swarm.hosts) addresses[host] = await swarm.lab.must('ip', host);
  });
  after(() => swarm?.[Symbol.asyncDispose]());

  const run = (host: string, ...options: string[]): Promise<string> =>
    swarm.lab.docker(host, 'run', '-d', ...options, ...SLEEP);
  const ask = (path: string): Promise<Response> => fetch(`http://${addresses[a]}:${PORT}${path}`);
  const json = async <T>(path: string): Promise<T> => {
    const answer = await ask(path);
    const text = await answer.text();
    assert.equal(answer.status, 200, `${path}: ${text}`);
    return JSON.parse(text) as T;
  };
  const instances = async (service: string): Promise<string[]> => {
    const found = await json<CatalogService[]>(`/v1/catalog/service/${service}`);
    return found
      .map((each) => `${each.Node} ${each.ServiceAddress}:${each.ServicePort} ${each.ServiceTags.join()}`)
      .sort();
  };

  test('containers of one host and services of all, by mesh and by host', async () => {
    await run(b, '--name', 'plain', '-p', '8081:80', '-e', 'SERVICE_NAME=plain');
    await swarm.create('--name', 'mesh', '--replicas', '2', '-p', '8082:8080', '--label', 'x=y', 'whoami');
    const port = 'mode=host,target=8080,published=8083';
    const tags = ['--container-label', 'SERVICE_TAGS=blue,v1'];
    await swarm.create('--name', 'hosts', '--mode', 'global', '--publish', port, ...tags, 'whoami');
    await swarm.converge('mesh', 2);
    await swarm.converge('hosts', 2);
    const [at, bt] = [addresses[a], addresses[b]];
    await eventually('all is there', 10_000, async () => {
      const services = await json<Record<string, string[]>>('/v1/catalog/services');
      return Object.keys(services).sort().join() === 'hosts,mesh,plain';
    });
    assert.deepEqual(await instances('plain'), [`${b} ${bt}:8081 `]);
    assert.deepEqual(await instances('mesh'), [`${a} ${at}:8082 `, `${b} ${bt}:8082 `]);
    assert.deepEqual(await instances('hosts'), [`${a} ${at}:8083 blue,v1`, `${b} ${bt}:8083 blue,v1`]);
    const [{ ServiceID } = { ServiceID: '' }] = await json<CatalogService[]>('/v1/catalog/service/plain');
    assert.equal(ServiceID, `${b}:plain:80`);
  });

  test('whoever waits hears of a container that comes and goes', async () => {
    const first = await ask('/v1/health/service/late?passing=1');
    const index = first.headers.get('x-consul-index');
    assert.deepEqual(await first.json(), []);
    const next = ask(`/v1/health/service/late?passing=1&index=${index}&wait=60s`);
    await run(b, '--name', 'late', '-p', '80', '--label', 'SERVICE_NAME=late');
    const answer = await next;
    const found = (await answer.json()) as Array<{ Service: { ID: string; Port: number } }>;
    const port = await swarm.lab.docker(b, 'port', 'late', '80');
    assert.deepEqual(
      found.map(({ Service }) => `${Service.ID} ${Service.Port}`),
      [`${b}:late:80 ${port.split('\n')[0]!.split(':').at(-1)}`],
    );
    const later = ask(`/v1/health/service/late?index=${answer.headers.get('x-consul-index')}&wait=60s`);
    await swarm.lab.docker(b, 'rm', '-f', 'late');
    assert.deepEqual(await (await later).json(), []);
  });
});
