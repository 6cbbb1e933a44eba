/** The commands of classic Swarm, their flags and defaults. */
import type { Flag } from './flags.ts';

export interface SwarmCommand {
  names: readonly [string, string];
  usage: string;
  /** What stands after the flags in its help. */
  argument: string;
  flags: readonly Flag[];
}

export const GLOBAL: readonly Flag[] = [
  { names: ['debug'], kind: 'bool', env: ['DEBUG'], usage: 'debug mode' },
  {
    names: ['log-level', 'l'],
    kind: 'text',
    default: 'info',
    usage: 'Log level (options: debug, info, warn, error, fatal, panic)',
  },
  { names: ['experimental'], kind: 'bool', usage: 'enable experimental features' },
  { names: ['help', 'h'], kind: 'bool', usage: 'show help' },
  { names: ['version', 'v'], kind: 'bool', usage: 'print the version' },
];

const HELP: Flag = { names: ['help', 'h'], kind: 'bool', usage: 'show help', hidden: true };
const OPTIONS: Flag = { names: ['discovery-opt'], kind: 'list', usage: 'discovery options' };
const ADVERTISE = { kind: 'text', env: ['SWARM_ADVERTISE'] } as const;
const DISCOVERY = '<discovery>    discovery service to use [$SWARM_DISCOVERY]';

const text = (name: string, usage: string, fallback?: string): Flag => ({
  names: [name],
  kind: 'text',
  usage,
  ...(fallback !== undefined && { default: fallback }),
});
const bool = (name: string, usage: string): Flag => ({ names: [name], kind: 'bool', usage });

export const COMMANDS: readonly SwarmCommand[] = [
  { names: ['create', 'c'], usage: 'Create a cluster', argument: '', flags: [HELP] },
  {
    names: ['list', 'l'],
    usage: 'List nodes in a cluster',
    argument: DISCOVERY,
    flags: [text('timeout', 'timeout period', '10s'), OPTIONS, HELP],
  },
  {
    names: ['manage', 'm'],
    usage: 'Manage a docker cluster',
    argument: DISCOVERY,
    flags: [
      text('strategy', 'placement strategy to use [spread, binpack, random]', 'spread'),
      {
        names: ['filter', 'f'],
        kind: 'list',
        usage: 'filter to use [health, port, containerslots, dependency, affinity, constraint, whitelist]',
      },
      {
        names: ['host', 'H'],
        kind: 'list',
        default: ['tcp://127.0.0.1:2375'],
        env: ['SWARM_HOST'],
        usage: 'ip/socket to listen on',
      },
      bool('replication', 'Enable Swarm manager replication'),
      text('replication-ttl', 'Leader lock release time on failure', '20s'),
      {
        ...ADVERTISE,
        names: ['advertise', 'addr'],
        usage:
          'Address of the swarm manager joining the cluster. Other swarm manager(s) MUST be able to reach the swarm manager at this address.',
      },
      bool('tls', 'use TLS; implied by --tlsverify=true'),
      text('tlscacert', 'trust only remotes providing a certificate signed by the CA given here'),
      text('tlscert', 'path to TLS certificate file'),
      text('tlskey', 'path to TLS key file'),
      bool('tlsverify', 'use TLS and verify the remote'),
      text('engine-refresh-min-interval', 'set engine refresh minimum interval', '30s'),
      text('engine-refresh-max-interval', 'set engine refresh maximum interval', '60s'),
      text('engine-failure-retry', 'set engine failure retry count', '3'),
      text('engine-refresh-retry', 'deprecated; replaced by --engine-failure-retry', '3'),
      text('heartbeat', 'period between each heartbeat', '60s'),
      { names: ['api-enable-cors', 'cors'], kind: 'bool', usage: 'enable CORS headers in the remote API' },
      {
        names: ['cluster-driver', 'c'],
        kind: 'text',
        default: 'swarm',
        usage: 'cluster driver to use [swarm]',
      },
      OPTIONS,
      {
        names: ['cluster-opt'],
        kind: 'list',
        usage: 'cluster driver options: swarm.overcommit=0.05, swarm.createretry=0',
      },
      bool('refresh-on-node-filter', 'If true, refreshes engine cache for filtering on nodes'),
      text('container-name-refresh-filter', 'Refresh only containers with this name'),
      HELP,
    ],
  },
  {
    names: ['join', 'j'],
    usage: 'Join a docker cluster',
    argument: DISCOVERY,
    flags: [
      {
        ...ADVERTISE,
        names: ['advertise', 'addr'],
        usage:
          'Address of the Docker Engine joining the cluster. Swarm manager(s) MUST be able to reach the Docker Engine at this address.',
      },
      text('heartbeat', 'period between each heartbeat', '60s'),
      text('ttl', 'set the expiration of an ephemeral node', '180s'),
      text('delay', 'add a random delay in [0s,delay] to avoid synchronized registration', '0s'),
      OPTIONS,
      HELP,
    ],
  },
];

export function helpOf(name: string, command?: SwarmCommand): string {
  if (command) {
    const argument = command.argument === '' ? '' : ` ${command.argument.split(' ')[0]}`;
    return (
      `Usage: ${name} ${command.names[0]} [OPTIONS]${argument}\n\n${command.usage}\n` +
      (command.argument === '' ? '' : `\nArguments:\n   ${command.argument}\n`) +
      `\nOptions:\n${flagLines(command.flags)}`
    );
  }
  const commands = COMMANDS.map(({ names, usage }) => `  ${names.join(', ')}`.padEnd(14) + usage);
  return (
    `Usage: ${name} [OPTIONS] COMMAND [arg...]\n\nA Docker-native clustering system, served by Essaim\n` +
    `\nOptions:\n${flagLines(GLOBAL)}\nCommands:\n${commands.join('\n')}\n  help        Shows a list of commands or help for one command\n` +
    `\nRun '${name} COMMAND --help' for more information on a command.\n`
  );
}

function flagLines(flags: readonly Flag[]): string {
  return flags
    .filter(({ hidden }) => !hidden)
    .map(({ names, kind, default: fallback, env, usage }) => {
      const spelt = names.map((each) => `--${each}`.replace(/^--(?=.$)/, '-')).join(', ');
      const value = kind === 'bool' ? '' : ` ${[fallback ?? ''].flat().map((each) => `"${each}"`)}`;
      return `   ${`${spelt}${value}`.padEnd(44)} ${usage}${env ? ` [${env.map((each) => `$${each}`).join(', ')}]` : ''}\n`;
    })
    .join('');
}
