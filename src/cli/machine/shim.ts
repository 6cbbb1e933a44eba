/** Command lines of docker-machine that mean something else here, or nothing. Pure. */
import { MachineError } from '../../machine/driver.ts';
import { GONE, isGone } from './gone.ts';

/** Options of its driver for servers that one has, and ours. */
const GENERIC: Readonly<Record<string, string>> = {
  'generic-ip-address': 'ssh-host',
  'generic-ssh-user': 'ssh-user',
  'generic-ssh-port': 'ssh-port',
  'generic-ssh-key': 'ssh-key',
};
/** What its drivers' options begin with; each concerns how a cloud or a program makes a machine. */
const DRIVERS =
  /^(amazonec2|azure|digitalocean|exoscale|google|hyperv|hyperkit|kvm|openstack|parallels|rackspace|softlayer|virtualbox|vmware|vmwarefusion|vmwarevcloudair|vmwarevsphere|xhyve)-/;
/** Those that take no value. */
const SWITCHES =
  /-(no-share|no-dns-proxy|no-vtx-check|dns-proxy|host-dns-resolver|monitoring|ipv6|backups|private-networking|use-private-address|private-address-only|no-nfs-share|disable-dynamic-memory)$/;
const OTHERS: Readonly<Record<string, string>> = {
  'engine-install-url': 'Docker Engine comes from the distribution',
  'engine-storage-driver': '',
  'swarm-image': 'Essaim serves the swarm itself',
  'swarm-host': 'the swarm as one engine is served on port 3376',
  'swarm-addr': 'a host is known by its own address',
  'swarm-join-opt': 'hosts make themselves known by themselves',
  'tls-san': 'certificates have the name and the address of the host',
};

export interface Translated {
  readonly argv: readonly string[];
  /** What is passed over, each with a reason. */
  readonly notes: readonly string[];
}

/** The words after `create`, as `essaim machine create` takes them. @throws MachineError */
export function translateCreate(words: readonly string[]): Translated {
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
  return { argv, notes };
}
