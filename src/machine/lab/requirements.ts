import { readFile } from 'node:fs/promises';
import { MachineError } from '../driver.ts';
import { run, succeeds, which } from '../exec.ts';
import { hierarchies } from './cgroup.ts';

/** Programs that the lab driver runs, with the package that brings each (Debian's and Ubuntu's names). */
const PROGRAMS: Readonly<Record<string, string>> = {
  dockerd: 'docker.io (or docker-ce)',
  containerd: 'containerd (or containerd.io)',
  runc: 'runc (or containerd.io)',
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

/** What was found on this system. */
export interface Facts {
  readonly platform: string;
  readonly uid: number;
  readonly missingPrograms: readonly string[];
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
    ...facts.missingPrograms.map((program) => `${program} is not installed: package ${PROGRAMS[program]}`),
    ...facts.missingFeatures,
  ];
}

let gathered: Promise<Facts> | undefined;

/** Throws a MachineError that lists everything that is missing. Looks once per process. */
export async function checkRequirements(): Promise<void> {
  gathered ??= gather();
  const lines = shortcomings(await gathered);
  if (lines.length === 0) return;
  throw new MachineError(
    `This system cannot run lab hosts:\n${lines.map((line) => `  - ${line}`).join('\n')}`,
  );
}

async function gather(): Promise<Facts> {
  const platform = process.platform;
  const uid = process.getuid?.() ?? -1;
  if (platform !== 'linux' || uid !== 0) return { platform, uid, missingPrograms: [], missingFeatures: [] };
  const programs = Object.keys(PROGRAMS);
  const paths = await Promise.all(programs.map(which));
  const missingPrograms = programs.filter((_, i) => paths[i] === undefined);
  // Features are tried out with these programs.
  const missingFeatures = missingPrograms.length > 0 ? [] : await features();
  return { platform, uid, missingPrograms, missingFeatures };
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
  const tried = TRIALS.map(async ([feature, command]) => {
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
  return (await Promise.all([...tried, overlay(), controlGroups()])).filter((line) => line !== undefined);
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
