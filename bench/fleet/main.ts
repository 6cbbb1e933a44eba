/**
 * One endpoint over many simulated engines: how long the list of all containers takes, and what the manager weighs (`LISTS=0`
 * leaves that out). Then, on three real engines, containers that are started through the endpoint and on one engine directly,
 * in turns (`REAL=0` leaves that out): `LOOP` of them (10) one after the other, and ten at once, `TURNS` times (3).
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
const TURNS = Number(process.env.TURNS ?? 3);
const CLIENTS = 10;

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
  const ips = await Promise.all(['fa', 'fb', 'fc'].map((name) => lab.address(name)));
  await using endpoint = await Endpoint.start(ADDRESS, 3, ips.map((ip) => `${ip}:2375`).join(','));
  const run = async (address: string): Promise<void> => {
    const env = { ...process.env, DOCKER_HOST: `tcp://${address}` };
    const { code, stderr } = await execute('docker', ['run', '-d', 'busybox', 'sleep', '100000'], env);
    if (code !== 0) throw new Error(stderr);
  };
  const loop = async (address: string): Promise<void> => {
    for (let i = 0; i < LOOP; i++) await run(address);
  };
  const atOnce = async (address: string): Promise<void> => {
    await Promise.all(Array.from({ length: CLIENTS }, () => run(address)));
  };
  /** Seconds. */
  const timed = async (what: (address: string) => Promise<void>, address: string): Promise<number> => {
    const began = performance.now();
    await what(address);
    const took = performance.now() - began;
    await endpoint.clear();
    return took / 1000;
  };
  for (const [name, what] of [
    [`${LOOP} × docker run -d`, loop],
    [`${CLIENTS} clients at once`, atOnce],
  ] as const) {
    for (let turn = 0; turn < TURNS; turn++) {
      const [through, alone] = [await timed(what, ADDRESS), await timed(what, `${ips[0]}:2375`)];
      process.stdout.write(
        `${name}: endpoint ${through.toFixed(2)} s, one engine ${alone.toFixed(2)} s, ${(through / alone).toFixed(2)} ×\n`,
      );
    }
  }
}

if (process.env.LISTS !== '0') for (const [hosts, containers] of SIZES) await lists(hosts, containers);
if (process.env.REAL !== '0') await loops();
