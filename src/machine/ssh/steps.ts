/** What makes a host an Essaim host, step by step; each may be repeated, and does nothing where nothing is to be done. */
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from '../../node/root.ts';
import type { ServerFiles } from '../certificates.ts';
import { daemonFlags } from '../daemon-flags.ts';
import {
  API_PORT,
  apiOver,
  type EngineSettings,
  type Machine,
  MachineError,
  type Progress,
} from '../driver.ts';
import { ping } from '../engine-api.ts';
import { flagProblem, unknownFlags } from '../engine-flags.ts';
import { until } from '../exec.ts';
import { carriedMachine, ownRelease } from '../release.ts';
import { asRoot, execute, type Output, quote, sudo, type Way } from './connection.ts';
import { mergedSettings, unitEnvironment, unitFlags } from './engine-settings.ts';
import { carriedNodeRuns, type HostFacts, PORTS, parseFacts, shortcomings } from './facts.ts';

const START_TIMEOUT = 90_000;

const script = async (name: string): Promise<string> => readFile(join(ROOT, 'src/machine/ssh', name), 'utf8');

/** Does a step of host.sh. @throws MachineError with the host's words */
export async function step(way: Way, what: string, name: string, ...args: string[]): Promise<string> {
  const done = await asRoot(way, await script('host.sh'), [name, ...args]);
  return must(way, what, done);
}

function must({ name }: Way, what: string, { code, stdout, stderr }: Output): string {
  if (code === 0) return stdout.trimEnd();
  const words = (stderr.trim() || stdout.trim()).split('\n').slice(-15).join('\n  ');
  throw new MachineError(`${name}: ${what} has failed:\n  ${words}`);
}

/** What the host is. Changes nothing. @throws MachineError if it cannot be asked, or the user cannot become root there */
export async function look(way: Way): Promise<HostFacts> {
  const answer = await asRoot(way, await script('look.sh'), PORTS.map(String));
  if (/sudo/.test(answer.stderr) && answer.code !== 0) {
    throw new MachineError(
      `${way.name}: ${way.target.user} cannot become root on ${way.target.host} without a password (${answer.stderr.trim().split('\n').at(-1)}): allow it by a line "${way.target.user} ALL=(ALL) NOPASSWD:ALL" in /etc/sudoers.d, or log in as root.`,
    );
  }
  try {
    return parseFacts(must(way, 'looking at the host', answer));
  } catch (error) {
    if (error instanceof MachineError) throw error;
    throw new MachineError(`${way.name}: ${(error as Error).message}`);
  }
}

/**
 * @param authority of the certificates of a new machine, see Carried
 * @throws MachineError with everything that is in the way
 */
export function judge(way: Way, facts: HostFacts, wanted: EngineSettings, authority?: string): void {
  const lines = shortcomings(facts, wanted, { machine: carriedMachine(), authority, now: Date.now() });
  if (lines.length === 0) return;
  throw new MachineError(
    `${way.name}: ${way.target.host} cannot become an Essaim host, and nothing was changed:\n${lines.map((line) => `  - ${line}`).join('\n')}`,
  );
}

/** @throws MachineError if the engine that is there has no such flags */
export async function judgeFlags(way: Way, facts: HostFacts, wanted: EngineSettings): Promise<void> {
  if (facts.missing.includes('dockerd') || !wanted.options?.length) return;
  const unknown = unknownFlags(await step(way, 'asking the engine', 'engine_help'), wanted);
  if (unknown.length > 0)
    throw new MachineError(`${way.name}: nothing was changed: ${flagProblem(unknown)}.`);
}

/** Installs what is missing, and the engine if there is none. Returns the engine's version. */
export async function ensureEngine(way: Way, facts: HostFacts, progress: Progress): Promise<string> {
  const missing = [...facts.missing];
  if (missing.length > 0) {
    const engine = missing.includes('dockerd') ? 'Docker Engine and ' : '';
    progress(`installing ${engine}what is missing by ${facts.packages} (${missing.join(', ')})`);
    await step(way, `installing ${missing.join(', ')}`, 'install_packages', facts.packages!, ...missing);
  }
  if (facts.engine) return facts.engine.version;
  const version = await step(way, 'starting Docker Engine', 'start_engine');
  progress(`Docker Engine ${version} runs`);
  return version;
}

/** Gives the engine its settings; restarts it only for those that it does not read while it runs. */
export async function configureEngine(
  way: Way,
  facts: HostFacts,
  wanted: EngineSettings,
  progress: Progress,
): Promise<void> {
  const merged = mergedSettings(facts.daemonJson, wanted);
  if (merged !== undefined) {
    progress('telling Docker Engine its labels and registries');
    await step(way, 'writing /etc/docker/daemon.json', 'write_daemon_json', merged);
  }
  const [environment, flags] = [unitEnvironment(wanted), unitFlags(wanted)];
  if (environment === '' && flags === '') return;
  progress('giving Docker Engine its flags');
  await step(way, 'giving Docker Engine its flags', 'engine_flags', environment, flags);
}

/** Sends this Essaim and leads to it. Returns the release that was there before, '' if none; 'same' if it is there already. */
export async function install(way: Way, facts: HostFacts, progress: Progress): Promise<string> {
  const release = await ownRelease(carriedNodeRuns(facts, { machine: carriedMachine() }));
  if (facts.release === release.id) return 'same';
  progress(`sending Essaim ${release.id}`);
  const target = `/opt/essaim/releases/${release.id}`;
  const receive = `set -e; rm -rf ${target} ${target}.part; mkdir -p ${target}.part; tar -xzf - -C ${target}.part; mv ${target}.part ${target}`;
  const sent = await execute(way, `${sudo(way)}sh -c ${quote(receive)}`, createReadStream(release.file));
  must(way, 'sending Essaim', sent);
  return step(way, 'installing Essaim', 'switch_to', release.id);
}

/** The daemon's certificates and options, its service, started; waits until its API answers here. */
export async function serve(
  way: Way,
  machine: Machine,
  files: ServerFiles,
  { restart, progress }: { restart: boolean; progress: Progress },
): Promise<void> {
  const text = daemonFlags(machine, '/etc/essaim/tls').join(' ');
  const [ca, server, key] = [files['ca.pem'], files['server.pem'], files['server-key.pem']];
  const changed = await step(way, 'writing certificates', 'configure', text, ca, server, key);
  await step(way, "installing Essaim's service", 'install_service');
  if (restart || changed === 'changed') await step(way, 'stopping Essaim', 'stop_service');
  progress('starting Essaim');
  await step(way, 'starting Essaim', 'start_service');
  await until(
    async () => (await ping(apiOver(machine))) || undefined,
    START_TIMEOUT,
    async () => {
      const log = await step(way, 'reading the log', 'service_log').catch((error: Error) => error.message);
      return new MachineError(
        `${machine.name}: Essaim does not answer at ${machine.address}:${API_PORT} (is there a firewall before the host?). Its log ends:\n  ${log.replaceAll('\n', '\n  ')}`,
      );
    },
  );
}
