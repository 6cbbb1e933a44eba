/**
 * Servers for tests of what makes a server an Essaim host: each has a root tree, an init system, control groups and an sshd of
 * its own, beside this system. Dispose of them to remove them all.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, succeeds } from '../../src/machine/exec.ts';
import { removeGroups } from '../../src/machine/lab/cgroup.ts';
import { eventually, execute, type Outcome } from './lab.ts';

const BRIDGE = 'essaim-srv';
const PREFIX = '192.168.96.';
const GATEWAY = `${PREFIX}1`;
const ESSAIM = fileURLToPath(new URL('../../bin/essaim', import.meta.url));
const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

type Init = 'systemd' | 'openrc' | 'plain';

export interface ServerOptions {
  /** With Debian's engine installed, which is there for systemd and plain; else there is none. */
  engine?: boolean;
  init?: Init;
  /** Puts files into its root before it boots. */
  prepare?: (root: string) => Promise<void>;
}

export class Server {
  readonly name: string;
  readonly address: string;
  readonly directory: string;
  readonly init: Init;
  readonly #lower: string;
  #process: ChildProcess | undefined;

  constructor(name: string, address: string, directory: string, lower: string, init: Init) {
    this.name = name;
    this.address = address;
    this.directory = directory;
    this.init = init;
    this.#lower = lower;
  }

  get #byte(): string {
    return this.address.slice(PREFIX.length);
  }
  get namespace(): string {
    return `essaim-srv-${this.#byte}`;
  }
  get port(): string {
    return `essaimsrv${this.#byte}`;
  }
  get #group(): string {
    return `server-${this.#byte}`;
  }

  /** Starts it, and waits for its sshd. */
  async boot(): Promise<void> {
    for (const part of ['upper', 'work', 'root', 'docker', 'containerd'])
      await mkdir(join(this.directory, part), { recursive: true });
    const groups = await this.#groups();
    const enter = `for group in ${groups.join(' ')}; do echo $$ >"$group/cgroup.procs"; done`;
    const namespaces = 'unshare --mount --uts --pid --ipc --cgroup --fork --kill-child';
    const first = ['sh', script('server.sh'), this.directory, this.name, this.init, this.#lower];
    const line = `${enter}; exec nsenter --net=/run/netns/${this.namespace} ${namespaces} ${first.join(' ')}`;
    const child = spawn('sh', ['-ec', line], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    this.#process = child;
    let words = '';
    for (const stream of [child.stdout, child.stderr])
      stream!.on('data', (chunk: Buffer) => {
        words += chunk;
      });
    await eventually(
      `${this.name} has an sshd`,
      60_000,
      () => answers(this.address, 22),
      async () => words,
    );
  }

  /** A power cut. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    process.kill(-child.pid!, 'SIGKILL');
    await gone;
  }

  /** Cuts it off the network, or connects it again. */
  async link(up: boolean): Promise<void> {
    await run('ip', ['link', 'set', this.port, up ? 'up' : 'down']);
  }

  /** Runs a command line on it as root, past ssh. */
  async run(line: string): Promise<Outcome> {
    const pid = await this.#firstPid();
    const enter = [
      '-t',
      pid,
      '-m',
      '-u',
      '-i',
      '-n',
      '-p',
      '-C',
      'env',
      '-i',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'HOME=/root',
    ];
    return execute('nsenter', [...enter, 'sh', '-c', line], process.env);
  }

  async must(line: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(line);
    if (code !== 0) throw new Error(`${line} on ${this.name}: exit code ${code}\n${stdout}${stderr}`);
    return stdout.trimEnd();
  }

  async remove(): Promise<void> {
    await this.kill();
    await removeGroups(this.#group);
    await succeeds('ip', ['link', 'delete', this.port]);
    await succeeds('ip', ['netns', 'delete', this.namespace]);
  }

  /** The child of `unshare`, which is the first process on the server. */
  async #firstPid(): Promise<string> {
    const { pid } = this.#process!;
    const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text.trim().split(' ')[0]!;
  }

  async #groups(): Promise<string[]> {
    const mounts = await readFile('/proc/mounts', 'utf8');
    const trees = [...mounts.matchAll(/^\S+ (\/sys\/fs\/cgroup\S*) cgroup2? /gm)].map(([, path]) => path!);
    const groups = trees.map((tree) => join(tree, 'essaim', this.#group));
    for (const group of groups) {
      await mkdir(group, { recursive: true });
      // Version 1 lets nobody into a group that has no processors.
      for (const file of ['cpuset.cpus', 'cpuset.mems']) {
        for (const [upper, lower] of [
          ['../..', '..'],
          ['..', '.'],
        ] as const) {
          const value = await readFile(join(group, upper, file), 'utf8').catch(() => undefined);
          if (value?.trim()) await writeFile(join(group, lower, file), value).catch(() => undefined);
        }
      }
    }
    return groups;
  }
}

export class Servers implements AsyncDisposable {
  /** What ESSAIM_HOME is for who works with them. */
  readonly home: string;
  /** A private key that root of each lets in. */
  readonly key: string;
  readonly all: Server[] = [];
  readonly #trees: string;
  readonly #env: NodeJS.ProcessEnv;

  private constructor(home: string, trees: string) {
    this.home = home;
    this.key = join(home, 'key');
    this.#trees = trees;
    const kept = Object.entries(process.env).filter(([name]) => !/^(DOCKER_|SSH_AUTH_SOCK)/.test(name));
    this.#env = { ...Object.fromEntries(kept), ESSAIM_HOME: home };
  }

  static async create(): Promise<Servers> {
    await run(script('packages.sh'), ['debootstrap', 'debootstrap']);
    const trees = (await run(script('trees.sh'), [])).trim();
    const servers = new Servers(await mkdtemp('/var/tmp/essaim-srv-'), trees);
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', servers.key]);
    return servers;
  }

  /** Makes a server and boots it. */
  async add(
    name: string,
    { engine = false, init = 'systemd', prepare }: ServerOptions = {},
  ): Promise<Server> {
    await ensureBridge();
    const address = await plugIn();
    const directory = join(this.home, 'servers', name);
    if (init === 'openrc') await run(script('trees.sh'), ['openrc']);
    const trees = init === 'openrc' ? ['openrc'] : [...(engine ? ['engine'] : []), 'bare'];
    const lower = trees.map((tree) => join(this.#trees, tree)).join(':');
    const server = new Server(name, address, directory, lower, init);
    this.all.push(server);
    const root = join(directory, 'upper');
    // It is the root folder of the server, for all its users.
    await mkdir(root, { recursive: true });
    await mkdir(join(root, 'root/.ssh'), { recursive: true, mode: 0o700 });
    await mkdir(join(root, 'etc/ssh'), { recursive: true });
    await writeFile(join(root, 'root/.ssh/authorized_keys'), await readFile(`${this.key}.pub`), {
      mode: 0o600,
    });
    await run('ssh-keygen', [
      '-q',
      '-t',
      'ed25519',
      '-N',
      '',
      '-f',
      join(root, 'etc/ssh/ssh_host_ed25519_key'),
    ]);
    await prepare?.(root);
    await server.boot();
    return server;
  }

  /** Runs `essaim …` to its end, whatever that is. */
  essaim(...args: string[]): Promise<Outcome> {
    return execute(ESSAIM, args, this.#env);
  }

  /** Runs `essaim …`; returns stdout without its last newline, throws unless it succeeds. */
  async must(...args: string[]): Promise<string> {
    return successful(`essaim ${args.join(' ')}`, await this.essaim(...args));
  }

  /** A shell's command line, with `essaim` and `docker-machine` on its PATH. */
  async shell(line: string, more: NodeJS.ProcessEnv = {}): Promise<Outcome> {
    const env = { ...this.#env, ...more, PATH: `${join(ESSAIM, '..')}:${this.#env.PATH}` };
    return execute('bash', ['-ec', line], env);
  }

  /** Options of `machine create` that lead to the server. */
  at(server: Server): string[] {
    return ['-d', 'ssh', '--ssh-host', server.address, '--ssh-key', this.key];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.all.map((server) => server.remove()));
    await removeBridge();
    await rm(this.home, { recursive: true, force: true });
  }
}

export function successful(what: string, { code, stdout, stderr }: Outcome): string {
  if (code === 0) return stdout.replace(/\n$/, '');
  throw new Error(`${what}: exit code ${code}\n${stdout}${stderr}`);
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1_000 });
    const end = (there: boolean) => () => {
      socket.destroy();
      resolve(there);
    };
    // Somebody greets; a port that only accepts is not there yet.
    socket.once('data', end(true)).once('error', end(false)).once('timeout', end(false));
  });
}

const RULES = [
  ['-t', 'filter', 'FORWARD', '-i', BRIDGE, '-j', 'ACCEPT'],
  ['-t', 'filter', 'FORWARD', '-o', BRIDGE, '-j', 'ACCEPT'],
  ['-t', 'nat', 'POSTROUTING', '-s', `${PREFIX}0/24`, '!', '-o', BRIDGE, '-j', 'MASQUERADE'],
];
const rule = (action: string, [, table, ...rest]: string[]): string[] => [
  '-w',
  '10',
  '-t',
  table!,
  action,
  ...rest,
];

async function ensureBridge(): Promise<void> {
  if (await succeeds('ip', ['link', 'add', BRIDGE, 'type', 'bridge', 'forward_delay', '0']))
    await run('ip', ['address', 'add', `${GATEWAY}/24`, 'dev', BRIDGE]);
  await run('ip', ['link', 'set', BRIDGE, 'up']);
  await run('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
  for (const each of RULES)
    if (!(await succeeds('iptables', rule('-C', each)))) await run('iptables', rule('-I', each));
}

async function removeBridge(): Promise<void> {
  const ports = await readdir(`/sys/class/net/${BRIDGE}/brif`).catch(() => undefined);
  if (!ports || ports.length > 0) return;
  for (const each of RULES) await succeeds('iptables', rule('-D', each));
  await succeeds('ip', ['link', 'delete', BRIDGE]);
}

/** Takes the first address that is free; that its cable can be made is what makes it ours. */
async function plugIn(): Promise<string> {
  for (let byte = 11; byte < 250; byte++) {
    const [namespace, port] = [`essaim-srv-${byte}`, `essaimsrv${byte}`];
    if (!(await succeeds('ip', ['netns', 'add', namespace]))) continue;
    await run('ip', ['link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace]);
    await run('ip', ['link', 'set', port, 'master', BRIDGE, 'up']);
    const configure = `ip link set lo up; ip address add ${PREFIX}${byte}/24 dev eth0; ip link set eth0 up; ip route add default via ${GATEWAY}`;
    await run('nsenter', [`--net=/run/netns/${namespace}`, 'sh', '-ec', configure]);
    return `${PREFIX}${byte}`;
  }
  throw new Error('no address is free');
}
