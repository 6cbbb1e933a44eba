/** Command lines of docker-machine that mean something else here, or nothing. Pure. */
import { MachineError } from '../../machine/driver.ts';
import { GONE, isGone } from './gone.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Its options before the command, by what is done with each. */
const SWITCHED: Readonly<Record<string, string>> = {
  debug: 'hosts tell each step as it is',
  'native-ssh': "the system's ssh is used",
};
const TOLD: Readonly<Record<string, string>> = {
  'github-api-token': 'nothing is fetched from there',
  'bugsnag-api-token': 'nothing is reported to anybody',
};
/** Files of certificates, and what they are called in the folder where they lie. */
const CERTIFICATES: Readonly<Record<string, string>> = {
  'tls-ca-cert': 'ca.pem',
  'tls-ca-key': 'ca-key.pem',
  'tls-client-cert': 'cert.pem',
  'tls-client-key': 'key.pem',
};
const LETTERS: Readonly<Record<string, string>> = { D: 'debug', s: 'storage-path', h: 'help', v: 'version' };

/** Options of its driver for servers that one has, and ours. */
const GENERIC: Readonly<Record<string, string>> = {
  'generic-ip-address': 'ssh-host',
  'generic-ssh-user': 'ssh-user',
  'generic-ssh-port': 'ssh-port',
  'generic-ssh-key': 'ssh-key',
};
/** The variable of its that stands for an option. */
const variableOf = (option: string): string => option.replaceAll('-', '_').toUpperCase();
/** What its drivers' options begin with; each concerns how a cloud or a program makes a machine. */
const DRIVERS =
  /^(amazonec2|azure|digitalocean|exoscale|google|hyperv|hyperkit|kvm|openstack|parallels|rackspace|softlayer|virtualbox|vmware|vmwarefusion|vmwarevcloudair|vmwarevsphere|xhyve)-/;
/** Those that take no value. */
const SWITCHES =
  /-(no-share|no-dns-proxy|no-vtx-check|dns-proxy|host-dns-resolver|monitoring|ipv6|backups|private-networking|use-private-address|private-address-only|no-nfs-share|disable-dynamic-memory)$/;
const OTHERS: Readonly<Record<string, string>> = {
  'engine-install-url': 'Docker Engine comes from the distribution',
  'engine-storage-driver': '',
  'generic-engine-port': 'the API is served on port 2376',
  'swarm-image': 'Essaim serves the swarm itself',
  'swarm-host': 'the swarm as one engine is served on port 3376',
  'swarm-addr': 'a host is known by its own address',
  'swarm-join-opt': 'hosts make themselves known by themselves',
  'tls-san': 'certificates have the name and the address of the host',
};

/** Commands that mean the machine "default" where none is named. */
const OF_DEFAULT = [
  ...['config', 'env', 'inspect', 'ip', 'kill', 'provision', 'regenerate-certs', 'restart', 'ssh', 'start'],
  ...['status', 'stop', 'upgrade', 'url'],
];

export interface Translated {
  /** As `essaim machine` takes them. */
  readonly argv: readonly string[];
  /** What is passed over, each with a reason. */
  readonly notes: readonly string[];
}

/**
 * Its whole command line, without the program's name. `-v` is the command `version`, which only docker-machine has.
 * @throws MachineError
 */
export function translate(
  words: readonly string[],
  env: Environment,
): Translated & { readonly home?: string } {
  const { left, home = env.MACHINE_STORAGE_PATH || undefined, notes } = beforeCommand(words, env);
  const [command = '--help', ...rest] = left;
  if (command !== 'create') {
    const argv = [command, ...(rest.length === 0 && OF_DEFAULT.includes(command) ? ['default'] : rest)];
    return { argv, notes, ...(home !== undefined && { home }) };
  }
  const create = translateCreate(rest, env);
  return {
    argv: [command, ...create.argv],
    notes: [...notes, ...create.notes],
    ...(home !== undefined && { home }),
  };
}

/** Takes the options before the command away. */
function beforeCommand(
  words: readonly string[],
  env: Environment,
): { readonly left: readonly string[]; readonly home?: string; readonly notes: readonly string[] } {
  const notes: string[] = [];
  const left = [...words];
  let home: string | undefined;
  for (const option of Object.keys(CERTIFICATES)) {
    const variable = `MACHINE_${variableOf(option)}`;
    if (env[variable]) throw ownCertificate(variable);
  }
  while (left[0]?.startsWith('-')) {
    const word = left.shift()!;
    const [, written = '', , given] = /^--?([A-Za-z-]+)(=(.*))?$/s.exec(word) ?? [];
    const name = LETTERS[written] ?? written;
    const value = (): string => {
      const found = given ?? left.shift();
      if (found === undefined) throw usage(`flag needs an argument: -${written}`);
      return found;
    };
    if (name === 'help') return { left: ['--help'], home, notes };
    if (name === 'version') return { left: ['version'], home, notes };
    if (Object.hasOwn(CERTIFICATES, name)) throw ownCertificate(`--${name}`);
    if (name === 'storage-path') {
      home = value();
      if (home === '') throw usage('--storage-path is empty: give a folder');
    } else if (Object.hasOwn(TOLD, name)) {
      value();
      notes.push(`--${name} is passed over: ${TOLD[name]}.`);
    } else if (Object.hasOwn(SWITCHED, name)) notes.push(`--${name} is passed over: ${SWITCHED[name]}.`);
    else throw usage(`flag provided but not defined: ${word}`);
  }
  return { left, home, notes };
}

function usage(problem: string): MachineError {
  return new MachineError(`Incorrect Usage. ${problem}\nSee 'docker-machine --help'.`);
}

function ownCertificate(option: string): MachineError {
  const files = Object.values(CERTIFICATES).join(', ');
  return new MachineError(
    `${option} is not there: your own certificates are used where they lie as ${files} in the folder "certs" of the storage path before the first host is made.`,
  );
}

/** The words after `create`. @throws MachineError */
function translateCreate(words: readonly string[], env: Environment): Translated {
  const argv: string[] = [];
  const notes: string[] = [];
  const left = [...words];
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    const [, name = '', , given] = /^--?([a-z0-9-]{2,})(=(.*))?$/s.exec(word) ?? [];
    const value = (): string => {
      const found = given ?? left.shift();
      if (found === undefined) throw new MachineError(`${word} needs a value.`);
      return found;
    };
    if (Object.hasOwn(GENERIC, name)) argv.push(`--${GENERIC[name]}`, value());
    else if (name === 'engine-opt') {
      const option = value();
      if (!isGone(option)) argv.push('--engine-opt', option);
      else notes.push(`--engine-opt ${option} is passed over: ${GONE}.`);
    } else if (name === 'engine-storage-driver') argv.push('--engine-opt', `storage-driver=${value()}`);
    else if (Object.hasOwn(OTHERS, name)) {
      value();
      notes.push(`--${name} is passed over: ${OTHERS[name]}.`);
    } else if (name === 'swarm-experimental' || DRIVERS.test(name)) {
      if (name !== 'swarm-experimental' && !SWITCHES.test(name)) value();
      notes.push(`--${name} is passed over: it means nothing to the drivers here.`);
    } else argv.push(word);
  }
  return { argv: [...argv, ...fromEnvironment(argv, env)], notes };
}

/** What the driver for servers that one has took from its variables: an option for each that the line does not give. */
function fromEnvironment(argv: readonly string[], env: Environment): string[] {
  const at = argv.findLastIndex((word) => /^(-d|--driver)(=|$)/.test(word));
  const driver = at < 0 ? env.MACHINE_DRIVER : (/=(.*)$/.exec(argv[at]!)?.[1] ?? argv[at + 1]);
  if (driver !== 'generic') return [];
  return Object.entries(GENERIC).flatMap(([theirs, ours]) => {
    const value = env[variableOf(theirs)];
    return value && !argv.includes(`--${ours}`) ? [`--${ours}`, value] : [];
  });
}
