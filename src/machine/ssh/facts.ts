/** What a host is, as `look.sh` tells it, and whether it can become an Essaim host. Pure. */
import type { EngineSettings } from '../driver.ts';

/** TCP ports that have to be free: the swarm, the API, the swarm as one engine, the web interface. */
export const PORTS = [2376, 2377, 3376, 9443] as const;
/** Megabytes for Essaim with its Node.js, and for an engine with a few images. */
const ESSAIM_SPACE = 600;
const ENGINE_SPACE = 1000;
const MEMORY = 400;
/** Minutes that its clock may differ: certificates are made to be good an hour before they are. */
const CLOCK = 30;
/** The oldest engine that Essaim was tried on. */
const OLDEST_ENGINE = [20, 10] as const;

export interface HostFacts {
  readonly system: string;
  /** As `uname -m` says it. */
  readonly machine: string;
  readonly distribution: string;
  readonly uid: number;
  /** What time it is there, seconds since the epoch. */
  readonly clock?: number;
  readonly libc: 'glibc' | 'musl';
  readonly packages?: PackageManager;
  readonly init: 'systemd' | 'openrc' | 'none';
  /** Programs that are not there. */
  readonly missing: readonly string[];
  /** Megabytes; undefined where they could not be told. */
  readonly free?: number;
  readonly engineFree?: number;
  readonly memory?: number;
  /** Of the Node.js there, e.g. "v24.1.0". */
  readonly node?: string;
  /** What the kernel has not. */
  readonly lacks: readonly string[];
  readonly taken: readonly { readonly port: number; readonly owner: string }[];
  /** Whether an Essaim daemon answers there. */
  readonly serving: boolean;
  readonly engine?: {
    readonly version: string;
    readonly running: number;
    readonly swarm: string;
    readonly liveRestore: boolean;
  };
  /** Which Essaim of ours is installed. */
  readonly release?: string;
  /** The certificate of the authority that its API trusts: PEM without its ends of lines. */
  readonly authority?: string;
  /** A unit of Essaim's that we did not write. */
  readonly foreign?: string;
  readonly daemonJson?: string;
}

export type PackageManager = 'apt-get' | 'dnf' | 'zypper' | 'apk' | 'pacman';

/** @throws Error if it is not what look.sh says */
export function parseFacts(text: string): HostFacts {
  const all = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    if (at <= 0) continue;
    const key = line.slice(0, at);
    all.set(key, [...(all.get(key) ?? []), line.slice(at + 1).trim()]);
  }
  const one = (key: string): string | undefined => all.get(key)?.[0] || undefined;
  const number = (key: string): number | undefined => {
    const value = Number(one(key));
    return one(key) === undefined || Number.isNaN(value) ? undefined : value;
  };
  const system = one('system');
  if (!system) throw new Error(`not the answer of a host that has a shell: ${text.slice(0, 200)}`);
  const [version, running, swarm, liveRestore] = (one('engine') ?? '').split(' ');
  return {
    system,
    machine: one('machine') ?? '',
    distribution: one('distribution') ?? system,
    uid: number('uid') ?? -1,
    clock: number('clock'),
    libc: one('libc') === 'musl' ? 'musl' : 'glibc',
    packages: one('packages') as PackageManager | undefined,
    init: (one('init') as HostFacts['init'] | undefined) ?? 'none',
    missing: all.get('missing') ?? [],
    free: number('free'),
    engineFree: number('engine_free'),
    memory: number('memory'),
    node: one('node'),
    lacks: all.get('lacks') ?? [],
    taken: (all.get('taken') ?? []).map((each) => {
      const [port, ...owner] = each.split(' ');
      return { port: Number(port), owner: owner.join(' ') };
    }),
    serving: one('serving') === 'yes',
    engine: version
      ? { version, running: Number(running), swarm: swarm ?? '', liveRestore: liveRestore === 'true' }
      : undefined,
    release: one('release'),
    authority: one('authority'),
    foreign: one('foreign'),
    daemonJson: one('daemon_json'),
  };
}

/** What we bring along: Node.js for one kind of machine, and certificates. */
export interface Carried {
  /** As `uname -m` says it. */
  readonly machine: string;
  /** Of the authority by which a new machine's certificates are: PEM, '' if it is yet to be made. Undefined: it is no new machine. */
  readonly authority?: string;
  /** What time it is here, milliseconds since the epoch. */
  readonly now: number;
}

/** Whether the Node.js that we bring along runs there; else it has to have its own. */
export function carriedNodeRuns(facts: HostFacts, carried: Pick<Carried, 'machine'>): boolean {
  return facts.libc === 'glibc' && facts.machine === carried.machine;
}

/** One line for each thing that keeps the host from becoming an Essaim host; empty when nothing does. */
export function shortcomings(facts: HostFacts, wanted: EngineSettings, carried: Carried): string[] {
  if (facts.system !== 'Linux') return [`it runs ${facts.system}: Essaim needs Linux`];
  if (facts.uid !== 0) return ['the user is not root there'];
  const { engine } = facts;
  return [
    ...nodeShortcomings(facts, carried),
    ...clockShortcomings(facts, carried),
    ...(facts.foreign === undefined
      ? []
      : [
          `an Essaim that this command has not installed is there (${facts.foreign}): remove it first, or use it as it is`,
        ]),
    ...(facts.authority !== undefined &&
    carried.authority !== undefined &&
    carried.authority.replaceAll('\n', '') !== facts.authority
      ? [
          'somebody else has made it an Essaim host: have them hand it over ("essaim machine export"), or, if nobody can, remove /etc/essaim there',
        ]
      : []),
    ...(facts.missing.length > 0 && !facts.packages
      ? [`${facts.missing.join(', ')} is missing, and no package manager that we know is there to bring it`]
      : []),
    ...facts.missing
      .filter((program) => ['tar', 'gzip'].includes(program))
      .map((program) => `${program} is missing`),
    ...(facts.missing.includes('docker') && !facts.missing.includes('dockerd')
      ? [
          'its Docker Engine has no command "docker" that could ask it: install that first (Debian: docker-cli)',
        ]
      : []),
    ...facts.lacks.map((feature) => `its kernel has no ${feature}`),
    ...tooLittle('free space in /opt', facts.release ? undefined : facts.free, ESSAIM_SPACE),
    ...tooLittle('free space in /var/lib', engine ? undefined : facts.engineFree, ENGINE_SPACE),
    ...tooLittle('memory', facts.memory, MEMORY),
    ...(facts.serving
      ? []
      : facts.taken.map(
          ({ port, owner }) => `port ${port} is taken${owner && ` by ${owner}`}: Essaim serves there`,
        )),
    ...(needsRestart(wanted) && facts.init !== 'systemd'
      ? ['--engine-opt and --engine-env need systemd, which does not run there: leave them out']
      : []),
    ...(engine ? engineShortcomings(engine, facts, wanted) : []),
  ];
}

function nodeShortcomings(facts: HostFacts, carried: Carried): string[] {
  if (carriedNodeRuns(facts, carried)) return [];
  if (Number(/^v(\d+)\./.exec(facts.node ?? '')?.[1] ?? 0) >= 24) return [];
  return [
    `it is ${facts.machine} with ${facts.libc}, and the Node.js that is brought along is for ${carried.machine} with glibc: install Node.js 24 or newer there first`,
  ];
}

function clockShortcomings({ clock }: HostFacts, { now }: Carried): string[] {
  const minutes = clock === undefined ? 0 : Math.round((clock - now / 1000) / 60);
  if (Math.abs(minutes) <= CLOCK) return [];
  return [
    `its clock is ${Math.abs(minutes)} minutes ${minutes < 0 ? 'behind' : 'ahead of'} the one here: certificates are not good where it is not their time; set both`,
  ];
}

function tooLittle(what: string, megabytes: number | undefined, needed: number): string[] {
  return megabytes === undefined || megabytes >= needed
    ? []
    : [`${megabytes} MB of ${what} are too little: ${needed} MB are needed`];
}

function engineShortcomings(
  engine: NonNullable<HostFacts['engine']>,
  facts: HostFacts,
  wanted: EngineSettings,
): string[] {
  const [major = 0, minor = 0] = engine.version.split('.').map(Number);
  const [oldest, oldestMinor] = OLDEST_ENGINE;
  const tooOld = major < oldest || (major === oldest && minor < oldestMinor);
  const restart = engine.running > 0 && !engine.liveRestore && !facts.release && needsRestart(wanted);
  return [
    ...(tooOld
      ? [`its Docker Engine is ${engine.version}: Essaim needs ${OLDEST_ENGINE.join('.')} or newer`]
      : []),
    ...(engine.swarm !== '' && engine.swarm !== 'inactive'
      ? ['its Docker Engine is in a swarm of its own: "docker swarm leave" there first']
      : []),
    ...(restart
      ? [
          `its Docker Engine runs ${engine.running} containers, and --engine-opt and --engine-env would restart it: leave them out, or stop the containers`,
        ]
      : []),
  ];
}

/** Whether an engine has to be restarted for the settings; labels and registries it reads while it runs. */
export function needsRestart({ options = [], environment = [] }: EngineSettings): boolean {
  return options.length + environment.length > 0;
}
