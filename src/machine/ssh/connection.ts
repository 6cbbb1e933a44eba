/**
 * The way to a host: the system's own ssh, so that its configuration, agent and jump hosts count. One connection is opened and
 * kept for a minute; what is run on the host goes over that.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { type Machine, MachineError, type SshTarget } from '../driver.ts';
import { run as runHere, which } from '../exec.ts';
import { BEGIN, withoutGreeting } from './greeting.ts';
import type { AskedTarget } from './target.ts';

/** How a host is reached, and where what is known of its key is kept. */
export interface Way {
  readonly name: string;
  readonly directory: string;
  readonly target: SshTarget;
}

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** ssh's own exit code: the host was not reached, or refused us. */
const SSH_FAILED = 255;
/** A host that says nothing for that long is lost: seconds, times. */
const ALIVE = [5, 3] as const;

export function wayTo(machine: Machine): Way {
  if (!machine.ssh) throw new MachineError(`Machine "${machine.name}" has no address for ssh.`);
  return { name: machine.name, directory: machine.directory, target: machine.ssh };
}

export function knownHosts(directory: string): string {
  return join(directory, 'known_hosts');
}

/** Options for ssh, and for scp but that this has its own name for the port. */
export function sshOptions({ directory, target }: Way): string[] {
  const options: Record<string, string> = {
    UserKnownHostsFile: knownHosts(directory),
    GlobalKnownHostsFile: '/dev/null',
    // The first key that a host shows is kept in the machine's own file; any other one is refused from then on, of another type too.
    StrictHostKeyChecking: existsSync(knownHosts(directory)) ? 'yes' : 'accept-new',
    HashKnownHosts: 'no',
    UpdateHostKeys: 'no',
    HostKeyAlias: 'essaim-machine',
    BatchMode: 'yes',
    ConnectTimeout: '10',
    ServerAliveInterval: String(ALIVE[0]),
    ServerAliveCountMax: String(ALIVE[1]),
    ControlMaster: 'auto',
    ControlPath: controlPath(directory),
    ControlPersist: '60',
    User: target.user,
    Port: String(target.port),
    LogLevel: 'ERROR',
  };
  const key = target.key === undefined ? [] : ['-i', target.key, '-o', 'IdentitiesOnly=yes'];
  return [...Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]), ...key];
}

/** Short: it is a socket, and ssh adds some letters. */
function controlPath(directory: string): string {
  const digest = createHash('sha256').update(directory).digest('hex').slice(0, 12);
  return join(process.env.XDG_RUNTIME_DIR || tmpdir(), `essaim-ssh-${userInfo().uid}-${digest}`);
}

/** Quotes a word for a shell. */
export function quote(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Runs a command line in the user's shell on the host, to its end. @throws MachineError if the host is not reached */
export async function execute(
  way: Way,
  command: string,
  input?: string | NodeJS.ReadableStream,
): Promise<Output> {
  await mkdir(way.directory, { recursive: true });
  const child = spawn(await sshProgram(), [...sshOptions(way), '--', way.target.host, command], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const outcome = await finished(child, input);
  if (outcome.code === SSH_FAILED) throw unreachable(way, outcome.stderr);
  return outcome;
}

/** What makes a command root's, where the user is not. */
export function sudo({ target }: Way): string {
  return target.user === 'root' ? '' : 'sudo -n ';
}

/** Runs a script as root. Its arguments come with it: on a command line everybody there could read them. */
export async function asRoot(way: Way, script: string, args: readonly string[] = []): Promise<Output> {
  const text = `echo '${BEGIN}'\nset -- ${args.map(quote).join(' ')}\n${script}`;
  const said = await execute(way, `${sudo(way)}sh -s`, text);
  return { ...said, stdout: withoutGreeting(said.stdout) };
}

/** Closes the connection that is kept; says nothing if there is none. */
export async function hangUp(way: Way): Promise<void> {
  const child = spawn(await sshProgram(), [...sshOptions(way), '-O', 'exit', '--', way.target.host], {
    stdio: 'ignore',
  });
  await new Promise((resolve) => child.once('close', resolve).once('error', resolve));
}

/** What an ssh that reads this takes a host for: as the user's own one does, and as root where that says nothing. */
const CONFIGURATION = 'Include ~/.ssh/config\nInclude /etc/ssh/ssh_config\nMatch all\nUser root\n';

/** Fills in what was not said by the user's configuration: root and port 22 where that says nothing either. @throws MachineError */
export async function resolveTarget({ host, user, port, key }: AskedTarget): Promise<SshTarget> {
  const given = [
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', String(port)]),
  ];
  // By a pipe of the shell's: a program cannot open what Node makes of its standard input.
  const piped = `configuration=$1; shift; printf %s "$configuration" | "$@"`;
  const config = await runHere('sh', [
    ...['-c', piped, 'sh', CONFIGURATION, await sshProgram(), '-F', '/dev/stdin', '-G', ...given, '--', host],
  ]).catch((error: Error) => {
    throw new MachineError(`ssh knows no way to ${host}: ${error.message.split('\n').at(-1)}`);
  });
  const said = (name: string): string | undefined => new RegExp(`^${name} (.*)$`, 'm').exec(config)?.[1];
  return {
    host,
    user: said('user') ?? 'root',
    port: Number(said('port') ?? 22),
    ...(key !== undefined && { key }),
  };
}

/** The IP address at which the user's ssh finds the host. @throws MachineError */
export async function addressOf({ host, user, port }: SshTarget): Promise<string> {
  const config = await runHere(await sshProgram(), ['-G', '-l', user, '-p', String(port), '--', host]);
  const name = /^hostname (.*)$/m.exec(config)?.[1] ?? host;
  try {
    const found = await lookup(name, { order: 'ipv4first' });
    return found.address;
  } catch (error) {
    throw new MachineError(`${host} is not found: ${(error as Error).message}`, { cause: error });
  }
}

export async function sshProgram(): Promise<string> {
  const found = await which('ssh');
  if (found) return found;
  throw new MachineError('ssh is not installed here: package openssh-client.');
}

function finished(child: ChildProcess, input: string | NodeJS.ReadableStream | undefined): Promise<Output> {
  return new Promise((resolve, reject) => {
    let [stdout, stderr] = ['', ''];
    child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
    });
    child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    // A host that is lost closes it in the middle; its exit says so.
    child.stdin!.on('error', () => undefined);
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? SSH_FAILED, stdout, stderr }));
    if (input === undefined || typeof input === 'string') child.stdin!.end(input ?? '');
    else input.pipe(child.stdin!);
  });
}

/** What ssh said, and what to do about it. */
function unreachable({ name, directory, target }: Way, stderr: string): MachineError {
  const words = stderr.trim() || 'the connection was lost';
  const where = `${target.user}@${target.host}:${target.port}`;
  if (/REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed/.test(stderr)) {
    return new MachineError(
      `${name}: the host key of ${where} is not the one that it had when the machine was made. Somebody may stand between you and the host. If it was installed anew, remove ${knownHosts(directory)}.`,
    );
  }
  const advice = /UNPROTECTED PRIVATE KEY|invalid format|error in libcrypto|No such file/.test(stderr)
    ? ' Look at the file of --ssh-key.'
    : /Permission denied/.test(stderr)
      ? ' Give the key that the host knows by --ssh-key, or put yours on it: ssh-copy-id.'
      : '';
  return new MachineError(
    `${name}: ${where} cannot be reached by ssh: ${words}.${advice}`.replace('..', '.'),
  );
}
