/**
 * One endpoint over many simulated engines: how long the list of all containers takes, and what the manager weighs. Then, on
 * three real engines, containers that are started one after the other through the endpoint and on one engine directly, in
 * turns (`REAL=0` leaves that out).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Endpoint, plainEngines } from '../../test/support/endpoint.ts';
import { execute } from '../../test/support/lab.ts';

const ADDRESS = '127.0.0.1:33790';
const ROUNDS = 50;
const SIZES = [
  [100, 0],
  [100, 10],
  [100, 100],
] as const;
const LOOP = Number(process.env.LOOP ?? 10);

const at = (sorted: readonly number[], share: number): string =>
  sorted[Math.floor(share * (sorted.length - 1))]!.toFixed(1);

async function engines(hosts: number, containers: number): Promise<{ child: ChildProcess; ports: number[] }> {
  const program = fileURLToPath(new URL('engines.ts', import.meta.url));
  const child = spawn(process.execPath, [program, String(hosts), String(containers)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface(child.stdout!), 'line')) as [string];
  return { child, ports: JSON.parse(line) as number[] };
}

async function memory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) / 1024;
}

async function lists(hosts: number, containers: number): Promise<void> {
  const { child, ports } = await engines(hosts, containers);
  try {
    const nodes = ports.map((port) => `127.0.0.1:${port}`).join(',');
    const began = performance.now();
    await using endpoint = await Endpoint.start(ADDRESS, hosts, nodes);
    const ready = performance.now() - began;
    const times: number[] = [];
    let bytes = 0;
    for (let i = 0; i < ROUNDS; i++) {
      const asked = performance.now();
      const answer = await fetch(`http://${ADDRESS}/v1.40/containers/json`);
      bytes = (await answer.arrayBuffer()).byteLength;
      times.push(performance.now() - asked);
    }
    times.sort((a, b) => a - b);
    const weight = (await memory(endpoint.pid)).toFixed(0);
    process.stdout.write(
      `${hosts} hosts, ${hosts * containers} containers: list p50 ${at(times, 0.5)} ms, p95 ${at(times, 0.95)} ms (${(bytes / 1024).toFixed(0)} kB); ` +
        `manager ${weight} MB; all Healthy after ${ready.toFixed(0)} ms\n`,
    );
  } finally {
    child.kill();
  }
}

async function loops(): Promise<void> {
  await using lab = await plainEngines({ fa: {}, fb: {}, fc: {} });
  const ips = await Promise.all(['fa', 'fb', 'fc'].map((name) => lab.must('ip', name)));
  await using endpoint = await Endpoint.start(ADDRESS, 3, ips.map((ip) => `${ip}:2375`).join(','));
  const loop = async (address: string): Promise<number> => {
    const env = { ...process.env, DOCKER_HOST: `tcp://${address}` };
    const began = performance.now();
    for (let i = 0; i < LOOP; i++) {
      const { code, stderr } = await execute('docker', ['run', '-d', 'busybox', 'sleep', '100000'], env);
      if (code !== 0) throw new Error(stderr);
    }
    const took = performance.now() - began;
    await endpoint.clear();
    return took / 1000;
  };
  for (let round = 0; round < 3; round++) {
    const [through, alone] = [await loop(ADDRESS), await loop(`${ips[0]}:2375`)];
    process.stdout.write(
      `${LOOP} × docker run -d: endpoint ${through.toFixed(2)} s, one engine ${alone.toFixed(2)} s, ${(through / alone).toFixed(2)} ×\n`,
    );
  }
  const env = { ...process.env, DOCKER_HOST: `tcp://${ADDRESS}` };
  const began = performance.now();
  const run = () => execute('docker', ['run', '-d', 'busybox', 'sleep', '100000'], env);
  await Promise.all(Array.from({ length: 10 }, run));
  process.stdout.write(`ten at once: ${((performance.now() - began) / 1000).toFixed(2)} s\n`);
}

for (const [hosts, containers] of SIZES) await lists(hosts, containers);
if (process.env.REAL !== '0') await loops();
