import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MachineError } from '../driver.ts';
import { isProgram, run, succeeds, which } from '../exec.ts';
import { hierarchies } from './cgroup.ts';

/** Programs that the lab driver runs, with the package that brings each (Debian's and Ubuntu's names). */
const PROGRAMS: Readonly<Record<string, string>> = {
  ip: 'iproute2',
  iptables: 'iptables',
  nft: 'nftables',
  conntrack: 'conntrack',
  nsenter: 'util-linux',
  unshare: 'util-linux',
  setsid: 'util-linux',
  setpriv: 'util-linux',
  mount: 'mount',
  sysctl: 'procps',
};

/** What an engine consists of; where it is the system's own, with the package that brings each. */
const ENGINE_PROGRAMS: Readonly<Record<string, string>> = {
  dockerd: 'docker.io (or docker-ce)',
  containerd: 'containerd (or containerd.io)',
  runc: 'runc (or containerd.io)',
};
/** What a folder with an engine has besides: there nothing of it may come from another version. */
const ENGINE_COMPANIONS = ['containerd-shim-runc-v2', 'docker-proxy', 'docker-init'];

/** What was found on this system. */
export interface Facts {
  readonly platform: string;
  readonly uid: number;
  readonly missingPrograms: readonly string[];
  /** The folder that the engine is taken from, if it is not the system's own, and what is missing there. */
  readonly engineFolder?: { readonly path: string; readonly missing: readonly string[] };
  /** Kernel features that do not work, each with the kernel's words. */
  readonly missingFeatures: readonly string[];
}

/** One line for each thing that keeps hosts from being made here; empty when all is there. */
export function shortcomings(facts: Facts): string[] {
  if (facts.platform !== 'linux') {
    return [
      `the lab driver makes hosts out of Linux namespaces, this is ${facts.platform}: use a Linux machine`,
    ];
  }
  if (facts.uid !== 0) return ['you are not root: use sudo'];
  return [
    ...facts.missingPrograms.map((program) => `${program} is not installed: package ${packageOf(program)}`),
    ...engineShortcomings(facts.engineFolder),
    ...facts.missingFeatures,
  ];
}

function packageOf(program: string): string | undefined {
  return PROGRAMS[program] ?? ENGINE_PROGRAMS[program];
}

function engineShortcomings(folder: Facts['engineFolder']): string[] {
  if (!folder) return [];
  const { path, missing } = folder;
  if (/^\/(var\/)?run(\/|$)/.test(path) || path.includes(':')) {
    return [`an engine cannot be taken from ${path}: hosts have a /run of their own, and PATH knows no ":"`];
  }
  if (missing.length === 0) return [];
  const all = [...Object.keys(ENGINE_PROGRAMS), ...ENGINE_COMPANIONS].join(', ');
  return [`${path} holds no ${missing.join(', ')}: the folder of an engine has the programs ${all}`];
}

/**
 * Throws a MachineError that lists everything that hosts lack here, where their engine is the system's own or, if a folder
 * is given, the one in it.
 */
export async function checkRequirements(enginePath?: string): Promise<void> {
  const lines = shortcomings(await gather(enginePath));
  if (lines.length === 0) return;
  throw new MachineError(
    `This system cannot run lab hosts:\n${lines.map((line) => `  - ${line}`).join('\n')}`,
  );
}

async function gather(enginePath: string | undefined): Promise<Facts> {
  const platform = process.platform;
  const uid = process.getuid?.() ?? -1;
  if (platform !== 'linux' || uid !== 0) return { platform, uid, missingPrograms: [], missingFeatures: [] };
  const engine = Object.keys(ENGINE_PROGRAMS);
  const programs = [...Object.keys(PROGRAMS), ...(enginePath ? [] : engine)];
  const missingPrograms = await without(programs, which);
  const engineFolder = enginePath && {
    path: enginePath,
    missing: await without([...engine, ...ENGINE_COMPANIONS], (program) =>
      isProgram(join(enginePath, program)),
    ),
  };
  // Features are tried out with these programs.
  const missingFeatures = missingPrograms.length > 0 ? [] : await featuresOnce();
  return { platform, uid, missingPrograms, missingFeatures, ...(engineFolder && { engineFolder }) };
}

async function without(
  programs: readonly string[],
  find: (program: string) => Promise<unknown>,
): Promise<string[]> {
  const found = await Promise.all(programs.map(find));
  return programs.filter((_, i) => !found[i]);
}

let lookedAt: Promise<string[]> | undefined;
/** The kernel's features are tried once per process. */
function featuresOnce(): Promise<string[]> {
  lookedAt ??= features();
  return lookedAt;
}

/** Each is tried in namespaces that end with the command, so that nothing is left. */
const TRIALS: readonly (readonly [string, string])[] = [
  ['namespaces (CONFIG_NAMESPACES)', 'true'],
  ['bridges (CONFIG_BRIDGE, module bridge)', 'ip link add t0 type bridge'],
  ['virtual cables (CONFIG_VETH, module veth)', 'ip link add t1 type veth peer name t2'],
  ['iptables with NAT (CONFIG_NF_NAT, CONFIG_NETFILTER_XT_*)', 'iptables -t nat -n -L'],
  ['nftables (CONFIG_NF_TABLES)', 'nft add table ip t3'],
];

async function features(): Promise<string[]> {
  const trials = TRIALS.map(async ([feature, command]) => {
    const words = await run('unshare', [
      '--net',
      '--mount',
      '--uts',
      '--pid',
      '--fork',
      'sh',
      '-c',
      command,
    ]).then(
      () => undefined,
      (error: Error) => error.message.split('\n').at(-1),
    );
    return words === undefined ? undefined : `the kernel has no ${feature}: ${words}`;
  });
  return (await Promise.all([...trials, overlay(), controlGroups()])).filter((line) => line !== undefined);
}

async function overlay(): Promise<string | undefined> {
  const known = async (): Promise<boolean> => /\boverlay$/m.test(await readFile('/proc/filesystems', 'utf8'));
  if ((await known()) || ((await succeeds('modprobe', ['overlay'])) && (await known()))) return undefined;
  return 'the kernel has no overlay file system (CONFIG_OVERLAY_FS, module overlay)';
}

async function controlGroups(): Promise<string | undefined> {
  if ((await hierarchies()).length > 0) return undefined;
  return 'no control groups are mounted at /sys/fs/cgroup: mount -t cgroup2 cgroup2 /sys/fs/cgroup';
}
