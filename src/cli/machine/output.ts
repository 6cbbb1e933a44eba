/** What is shown of machines. */

import { certificateEnd } from '../../machine/certificates.ts';
import {
  apiOver,
  CLUSTER_PORT,
  type Machine,
  MachineError,
  type MachineStatus,
} from '../../machine/driver.ts';
import { driverOf } from '../../machine/drivers.ts';
import { endpointUrl, engineVersion } from '../../machine/engine-api.ts';
import { checkTemplate, fillTemplate, table } from '../table.ts';

interface Described {
  readonly machine: Machine;
  readonly status: { readonly state: MachineStatus['state'] | 'Timeout'; readonly problem: string };
  readonly version: string;
}

async function look(machine: Machine): Promise<Described> {
  const driver = driverOf(machine);
  const status = await driver.status(machine);
  const asked = status.state === 'Running' || status.state === 'Error';
  const version = asked ? await engineVersion(driver.endpoints(machine).engine).catch(() => '') : '';
  return { machine, status, version };
}

/** As `look`, but it says after so many ms that there was no answer. */
async function lookFor(machine: Machine, ms: number): Promise<Described> {
  const { promise, resolve } = Promise.withResolvers<Described>();
  const late: Described = { machine, status: { state: 'Timeout', problem: '' }, version: '' };
  const timer = setTimeout(() => resolve(late), ms);
  try {
    return await Promise.race([look(machine), promise]);
  } finally {
    clearTimeout(timer);
  }
}

export interface ListFlags {
  readonly quiet?: boolean;
  readonly format?: string;
  /** KEY=VALUE, each. */
  readonly filter: readonly string[];
  /** Seconds. */
  readonly timeout: string;
}

export interface Listing {
  readonly text: string;
  /** Whether some host has not answered yet. */
  readonly isLate: boolean;
}

const FILTERS = ['driver', 'label', 'name', 'state', 'swarm'] as const;

/** What `machine ls` prints. @throws MachineError */
export async function listing(machines: readonly Machine[], flags: ListFlags): Promise<Listing> {
  const filters = flags.filter.map(filterOf);
  const patience = patienceOf(flags.timeout);
  const quick = machines.filter((machine) => filters.every((accepts) => accepts(machine, machines)));
  const states = flags.filter.filter((each) => each.startsWith('state='));
  if (flags.quiet && states.length === 0)
    return { text: quick.map((m) => `${m.name}\n`).join(''), isLate: false };
  const all = await Promise.all(quick.map((machine) => lookFor(machine, patience)));
  const isLate = all.some(({ status }) => status.state === 'Timeout');
  const wanted = (state: string): boolean =>
    states.length === 0 || states.some((each) => each.slice(6).toLowerCase() === state.toLowerCase());
  const rows = all.filter(({ status }) => wanted(status.state)).map((each) => row(each, machines));
  return { text: textOf(rows, flags), isLate };
}

function textOf(rows: readonly ReturnType<typeof row>[], { quiet, format }: ListFlags): string {
  if (quiet) return rows.map(({ Name }) => `${Name}\n`).join('');
  if (format) return rows.map((r) => `${fillTemplate(format, r)}\n`).join('');
  const columns = ['Name', 'Active', 'Driver', 'State', 'URL', 'Swarm', 'Docker', 'Errors'] as const;
  return table(
    columns.map((column) => column.toUpperCase()),
    rows.map((r) => columns.map((column) => r[column])),
  );
}

/** In ms. */
function patienceOf(text: string): number {
  if (/^\d{1,4}$/.test(text) && Number(text) > 0) return Number(text) * 1_000;
  throw new MachineError(`Invalid value "${text}" of --timeout: give a number of seconds, at least 1.`);
}

function filterOf(text: string): (machine: Machine, all: readonly Machine[]) => boolean {
  const at = text.indexOf('=');
  const [key, value] = [text.slice(0, at), text.slice(at + 1)];
  const known = FILTERS.find((each) => each === key);
  if (at <= 0 || !known) {
    throw new MachineError(`Invalid filter "${text}": use KEY=VALUE with ${FILTERS.join(', ')}.`);
  }
  switch (known) {
    case 'driver':
      return ({ driver }) => driver === value;
    case 'label':
      return ({ engine }) => engine?.labels?.includes(value) ?? false;
    case 'name':
      return ({ name }) => pattern(value).test(name);
    case 'state':
      return () => true;
    case 'swarm':
      return (machine, all) => swarmOf(machine, all).replace(' (master)', '') === value;
  }
}

function pattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw new MachineError(`Invalid filter "name=${text}": ${(error as Error).message}`);
  }
}

/** As docker-machine had it: who is the master, and whose the others are. */
function swarmOf({ name, swarm }: Machine, all: readonly Machine[]): string {
  if (!swarm) return '';
  if (swarm.master) return `${name} (master)`;
  return all.find((m) => m.swarm?.master && m.swarm.discovery === swarm.discovery)?.name ?? swarm.discovery;
}

/** What of a machine docker talks to now: '*', '* (swarm)' or '-'. */
export function activity(machine: Machine): string {
  const { essaim, cluster } = driverOf(machine).endpoints(machine);
  const host = process.env.DOCKER_HOST;
  if ([essaim, apiOver(machine)].some((each) => endpointUrl(each) === host)) return '*';
  if ([cluster, apiOver(machine, CLUSTER_PORT)].some((each) => endpointUrl(each) === host))
    return '* (swarm)';
  return '-';
}

function row({ machine, status, version }: Described, all: readonly Machine[]) {
  const docker = version && `v${version}`;
  const active = activity(machine);
  return {
    Name: machine.name,
    Active: active,
    ActiveHost: String(active === '*'),
    ActiveSwarm: String(active === '* (swarm)'),
    Driver: machine.driver,
    DriverName: machine.driver,
    State: status.state,
    Address: machine.address,
    URL: status.state === 'Stopped' ? '' : endpointUrl(apiOver(machine)),
    Swarm: swarmOf(machine, all),
    Docker: docker,
    DockerVersion: docker,
    Engine: docker,
    Errors: status.problem,
    Error: status.problem,
  };
}

/** What `machine inspect` prints: what docker-machine showed, and what is more. */
export async function describeMachine(machine: Machine): Promise<Record<string, unknown>> {
  const driver = driverOf(machine);
  const { status, version } = await look(machine);
  const { essaim, engine } = driver.endpoints(machine);
  const { name, address, directory, ssh, swarm, engine: settings = {} } = machine;
  return {
    Name: name,
    DriverName: machine.driver,
    Driver: {
      IPAddress: address,
      MachineName: name,
      SSHUser: ssh?.user ?? 'root',
      SSHPort: ssh?.port ?? 0,
      SSHKeyPath: ssh?.key ?? '',
      StorePath: directory,
      SwarmMaster: swarm?.master ?? false,
      SwarmHost: `tcp://0.0.0.0:${CLUSTER_PORT}`,
      SwarmDiscovery: swarm?.discovery ?? '',
    },
    HostOptions: {
      EngineOptions: {
        ArbitraryFlags: settings.options ?? [],
        Env: settings.environment ?? [],
        Labels: settings.labels ?? [],
        InsecureRegistry: settings.insecureRegistries ?? [],
        RegistryMirror: settings.registryMirrors ?? [],
        TlsVerify: true,
      },
      SwarmOptions: {
        IsSwarm: swarm !== undefined,
        Master: swarm?.master ?? false,
        Discovery: swarm?.discovery ?? '',
        Strategy: swarm?.strategy ?? '',
      },
      AuthOptions: {
        StorePath: directory,
        CaCertPath: `${directory}/ca.pem`,
        ClientCertPath: `${directory}/cert.pem`,
        ClientKeyPath: `${directory}/key.pem`,
        ServerCertPath: `${directory}/server.pem`,
        ServerKeyPath: `${directory}/server-key.pem`,
      },
    },
    State: status.state,
    Problem: status.problem,
    Address: address,
    URL: endpointUrl(apiOver(machine)),
    EngineVersion: version,
    Socket: 'socket' in essaim ? essaim.socket : '',
    EngineSocket: 'socket' in engine ? engine.socket : '',
    Directory: directory,
    CertificateEnds: (await certificateEnd(machine))?.toISOString() ?? '',
    CreatedAt: machine.createdAt,
    ...(await driver.details(machine)),
  };
}

/** `{{.Driver.IPAddress}}`, `{{json .Driver}}`, `{{prettyjson .}}` in a template, from what is known. @throws MachineError */
export function fillDeep(template: string, value: Record<string, unknown>): string {
  checkTemplate(template);
  return template.replace(
    /\{\{\s*(?:(json|prettyjson)\s+)?([^}\s]*)\s*\}\}/g,
    (_, how: string, path: string) => {
      if (!path.startsWith('.')) throw new MachineError(`"{{${path}}}" is no field: begin it with a dot.`);
      let found: unknown = value;
      for (const field of path.split('.').filter(Boolean)) {
        const inside: Record<string, unknown> =
          found !== null && typeof found === 'object' ? { ...found } : {};
        if (!Object.hasOwn(inside, field)) {
          const there = Object.keys(inside).join(', ') || 'no fields';
          throw new MachineError(`There is no "${field}" in "${path}": there are ${there}.`);
        }
        found = inside[field];
      }
      if (how) return JSON.stringify(found, null, how === 'prettyjson' ? 4 : undefined);
      return typeof found === 'object' ? JSON.stringify(found) : String(found);
    },
  );
}
