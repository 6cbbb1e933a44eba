/**
 * Simulated engines for bench/fleet, in a process of their own: `engines.ts HOSTS CONTAINERS` serves so many engines on TCP
 * ports of 127.0.0.1, with so many containers on each, and prints the ports as JSON.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

const [hosts = 1, containers = 1] = process.argv.slice(2).map(Number);
const STARTED = new Date(Date.now() - 3_600_000).toISOString();

const hex = (...numbers: number[]): string =>
  numbers
    .map((each) => each.toString(16).padStart(8, '0'))
    .join('')
    .padEnd(64, '0');

interface Pair {
  row: object;
  inspected: object;
}

function container(host: number, number: number): Pair {
  const Id = hex(host + 1, number + 1);
  const Labels = { 'com.docker.swarm.id': hex(number + 1, host + 1), tier: `t${number % 3}` };
  const Networks = { bridge: { NetworkID: hex(host + 1), IPAddress: `172.17.0.${number % 250}` } };
  const binding = { HostIp: '0.0.0.0', HostPort: String(32_768 + number) };
  return {
    row: {
      ...{ Id, Names: [`/c${host}-${number}`], Image: 'nginx:1.9', ImageID: `sha256:${hex(1)}` },
      ...{ Command: "nginx -g 'daemon off;'", Created: 1_700_000_000 + number, Labels, State: 'running' },
      Ports: [{ IP: '0.0.0.0', PrivatePort: 80, PublicPort: 32_768 + number, Type: 'tcp' }],
      ...{
        Status: 'Up About an hour',
        HostConfig: { NetworkMode: 'default' },
        NetworkSettings: { Networks },
        Mounts: [],
      },
    },
    inspected: {
      ...{ Id, Name: `/c${host}-${number}`, Created: STARTED, Image: `sha256:${hex(1)}` },
      State: {
        ...{
          Status: 'running',
          Running: true,
          Paused: false,
          Restarting: false,
          OOMKilled: false,
          Dead: false,
        },
        ...{
          Pid: 1000 + number,
          ExitCode: 0,
          Error: '',
          StartedAt: STARTED,
          FinishedAt: '0001-01-01T00:00:00Z',
        },
      },
      Config: {
        Image: 'nginx:1.9',
        Labels,
        ExposedPorts: { '80/tcp': {} },
        Env: ['PATH=/bin'],
        Cmd: ['nginx'],
      },
      HostConfig: {
        NetworkMode: 'default',
        PortBindings: { '80/tcp': [binding] },
        Memory: 1 << 20,
        CpuShares: 0,
      },
      NetworkSettings: { Ports: { '80/tcp': [binding] }, Networks },
    },
  };
}

function engine(host: number): (request: IncomingMessage, response: ServerResponse) => void {
  const all = Array.from({ length: containers }, (_, number) => container(host, number));
  const byId = new Map(all.map(({ inspected }) => [(inspected as { Id: string }).Id, inspected]));
  const info = {
    ...{
      ID: `SIM:${host}`,
      Name: `sim${host}`,
      NCPU: 8,
      MemTotal: 64 * 2 ** 30,
      Labels: [],
      Driver: 'overlay2',
    },
    ...{ KernelVersion: '6', OperatingSystem: 'Simulated', OSType: 'linux', ServerVersion: '28.0.0' },
  };
  return (request, response) => {
    const path = request.url!.replace(/^\/v[0-9.]+/, '').split('?')[0]!;
    if (path === '/events') {
      response.writeHead(200).flushHeaders();
      return;
    }
    const [, id] = /^\/containers\/([0-9a-f]{64})\/json$/.exec(path) ?? [];
    const answers: Record<string, unknown> = {
      '/_ping': 'OK',
      '/version': { Version: '28.0.0', ApiVersion: '1.48', MinAPIVersion: '1.24' },
      '/info': info,
      '/containers/json': all.map(({ row }) => row),
      '/images/json': [],
      '/networks': [],
      '/volumes': { Volumes: [] },
    };
    const answer = id ? byId.get(id) : answers[path];
    response.writeHead(answer === undefined ? 404 : 200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(answer ?? { message: 'page not found' }));
  };
}

const ports: number[] = [];
for (let host = 0; host < hosts; host++) {
  const server = createServer(engine(host)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ports.push((server.address() as { port: number }).port);
}
process.stdout.write(`${JSON.stringify(ports)}\n`);
