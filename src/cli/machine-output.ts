import type { Machine, MachineStatus } from '../machine/driver.ts';
import { driverOf } from '../machine/drivers.ts';
import { engineVersion } from '../machine/engine-api.ts';
import { fillTemplate, table } from './table.ts';

interface Described {
  readonly machine: Machine;
  readonly status: MachineStatus;
  readonly version: string;
}

async function look(machine: Machine): Promise<Described> {
  const driver = driverOf(machine);
  const status = await driver.status(machine);
  const asked = status.state === 'Running' || status.state === 'Error';
  const version = asked ? await engineVersion(driver.endpoints(machine).engine).catch(() => '') : '';
  return { machine, status, version };
}

/** What `machine ls` prints. */
export async function listing(
  machines: readonly Machine[],
  options: { quiet?: boolean; format?: string },
): Promise<string> {
  if (options.quiet) return machines.map((m) => `${m.name}\n`).join('');
  const rows = (await Promise.all(machines.map(look))).map(row);
  if (options.format) return rows.map((r) => `${fillTemplate(options.format!, r)}\n`).join('');
  const columns = ['Name', 'Active', 'Driver', 'State', 'Address', 'Engine', 'Errors'] as const;
  return table(
    columns.map((column) => column.toUpperCase()),
    rows.map((r) => columns.map((column) => r[column])),
  );
}

function row({ machine, status, version }: Described) {
  const socket = driverOf(machine).endpoints(machine).essaim;
  return {
    Name: machine.name,
    Active: process.env.DOCKER_HOST === `unix://${socket}` ? '*' : '-',
    Driver: machine.driver,
    State: status.state as string,
    Address: machine.address,
    URL: `unix://${socket}`,
    Engine: version && `v${version}`,
    Errors: status.problem,
  };
}

/** What `machine inspect` prints. */
export async function describeMachine(machine: Machine): Promise<Record<string, unknown>> {
  const driver = driverOf(machine);
  const { status, version } = await look(machine);
  const { essaim, engine } = driver.endpoints(machine);
  return {
    Name: machine.name,
    Driver: machine.driver,
    State: status.state,
    Problem: status.problem,
    Address: machine.address,
    EngineVersion: version,
    Socket: essaim,
    EngineSocket: engine,
    Directory: machine.directory,
    DNS: machine.dns,
    EnginePath: machine.enginePath ?? '',
    EngineOptions: machine.engineOptions ?? [],
    CreatedAt: machine.createdAt,
    ...(await driver.details(machine)),
  };
}

/** What `machine env` prints: the shell's commands that point docker at a machine, or at none. */
export function environment(
  machine: { name: string; socket: string; cluster?: boolean } | undefined,
): string {
  if (!machine) {
    const usage = '# Run this command to configure your shell:\n# eval "$(essaim machine env --unset)"\n';
    return `unset DOCKER_HOST\nunset ESSAIM_MACHINE_NAME\n${usage}`;
  }
  // They would make docker speak TLS on the socket.
  const stale = ['DOCKER_TLS_VERIFY', 'DOCKER_TLS', 'DOCKER_CERT_PATH'].filter(
    (v) => process.env[v] !== undefined,
  );
  return [
    ...stale.map((variable) => `unset ${variable}`),
    `export DOCKER_HOST="unix://${machine.socket}"`,
    `export ESSAIM_MACHINE_NAME="${machine.name}"`,
    '# Run this command to configure your shell:',
    `# eval "$(essaim machine env ${machine.cluster ? '--cluster ' : ''}${machine.name})"`,
    '',
  ].join('\n');
}
