/** What points `docker` at a machine, for a shell to take in. */
import { apiOver, CLUSTER_PORT, type Endpoint, type Machine, MachineError } from '../../machine/driver.ts';
import { driverOf } from '../../machine/drivers.ts';
import { endpointUrl } from '../../machine/engine-api.ts';
import { getMachine } from '../../machine/registry.ts';
import { commandName, isShim } from './shared.ts';

const SHELLS = ['sh', 'fish', 'powershell'] as const;
type Shell = (typeof SHELLS)[number];
/** All that a machine may have set. */
const VARIABLES = ['DOCKER_TLS_VERIFY', 'DOCKER_HOST', 'DOCKER_CERT_PATH', 'DOCKER_MACHINE_NAME'];

export interface EnvFlags {
  readonly unset?: boolean;
  readonly cluster?: boolean;
  /** As docker-machine spelt it. */
  readonly swarm?: boolean;
  readonly tcp?: boolean;
  readonly shell?: string;
  readonly proxy: boolean;
}

export async function env(name: string | undefined, flags: EnvFlags): Promise<void> {
  const shell = shellNamed(flags.shell);
  if (flags.unset) {
    process.stdout.write(
      script(
        shell,
        VARIABLES.map((variable) => [variable, undefined]),
        'env --unset',
      ),
    );
    return;
  }
  if (!name) throw new MachineError('Error: Expected one machine name');
  const machine = await getMachine(name);
  await running(machine);
  const cluster = flags.cluster || flags.swarm || false;
  const settings = settingsOf(machine, endpointFor(machine, cluster, flags.tcp || isShim()));
  if (!flags.proxy) settings.push(['NO_PROXY', withoutProxy(machine.address)]);
  const options = [
    ...(cluster ? [flags.swarm ? '--swarm ' : '--cluster '] : []),
    ...(flags.tcp ? ['--tcp '] : []),
    ...(flags.proxy ? [] : ['--no-proxy ']),
  ];
  process.stdout.write(script(shell, settings, `env ${options.join('')}${name}`));
}

/** A lab host is reached over its socket unless told otherwise: that works also where its network is cut. */
function endpointFor(machine: Machine, cluster: boolean, tcp: boolean): Endpoint {
  if (tcp) return apiOver(machine, cluster ? CLUSTER_PORT : undefined);
  const { essaim, cluster: all } = driverOf(machine).endpoints(machine);
  return cluster ? all : essaim;
}

/** What `machine config` prints: options of docker. */
export async function config(name: string, { swarm = false }: { swarm?: boolean }): Promise<void> {
  const machine = await getMachine(name);
  await running(machine);
  const { directory } = machine;
  const files = ['ca', 'cert', 'key'].map(
    (each) => `--tls${each === 'ca' ? 'cacert' : each}="${directory}/${each}.pem"`,
  );
  const url = endpointUrl(apiOver(machine, swarm ? CLUSTER_PORT : undefined));
  process.stdout.write(`${['--tlsverify', ...files, `-H=${url}`].join('\n')}\n`);
}

/** Throws unless the machine runs. */
export async function running(machine: Machine): Promise<void> {
  const { state } = await driverOf(machine).status(machine);
  if (state !== 'Stopped') return;
  throw new MachineError(
    `Machine "${machine.name}" is not running. Use "${commandName()} start ${machine.name}" to start it.`,
  );
}

function settingsOf(machine: Machine, endpoint: Endpoint): [string, string | undefined][] {
  const url = endpointUrl(endpoint);
  const name: [string, string] = ['DOCKER_MACHINE_NAME', machine.name];
  // On a socket docker would speak TLS if these were left over.
  if ('socket' in endpoint) {
    const stale = ['DOCKER_TLS_VERIFY', 'DOCKER_CERT_PATH'].filter((each) => process.env[each] !== undefined);
    return [...stale.map((each): [string, undefined] => [each, undefined]), ['DOCKER_HOST', url], name];
  }
  return [
    ['DOCKER_TLS_VERIFY', '1'],
    ['DOCKER_HOST', url],
    ['DOCKER_CERT_PATH', endpoint.certificates],
    name,
  ];
}

function withoutProxy(address: string): string {
  const before = (process.env.NO_PROXY ?? '').split(',').filter((each) => each !== '' && each !== address);
  return [...before, address].join(',');
}

function shellNamed(asked: string | undefined): Shell {
  const name = asked ?? (process.env.SHELL?.endsWith('/fish') ? 'fish' : 'sh');
  if (['bash', 'zsh', 'dash'].includes(name)) return 'sh';
  const found = SHELLS.find((shell) => shell === name);
  if (found) return found;
  throw new MachineError(`Shell "${name}" is not known here: use ${SHELLS.join(', ')}.`);
}

/** The settings as the shell has them, then how they are taken in. An undefined one is taken away. */
function script(
  shell: Shell,
  settings: readonly (readonly [string, string | undefined])[],
  words: string,
): string {
  const lines = settings.map(([name, value]) => line(shell, name, value));
  const command = `${commandName()} ${words}`;
  const option = shell === 'sh' ? '' : ` --shell ${shell}`;
  const usage = {
    sh: `eval "$(${command})"`,
    fish: `eval (${command}${option})`,
    powershell: `& ${command}${option} | Invoke-Expression`,
  }[shell];
  return [...lines, '# Run this command to configure your shell:', `# ${usage}`, ''].join('\n');
}

function line(shell: Shell, name: string, value: string | undefined): string {
  if (value === undefined) {
    return { sh: `unset ${name}`, fish: `set -e ${name};`, powershell: `Remove-Item Env:\\${name}` }[shell];
  }
  return {
    sh: `export ${name}="${value}"`,
    fish: `set -gx ${name} "${value}";`,
    powershell: `$Env:${name} = "${value}"`,
  }[shell];
}
