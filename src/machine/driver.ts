/** What a host is asked to be besides: remembered, so that it can be made so again. */
export interface EngineSettings {
  /** Flags of `dockerd` without their dashes, each KEY=VALUE or KEY. */
  readonly options?: readonly string[];
  /** KEY=VALUE, as `docker node inspect` and constraints show them. */
  readonly labels?: readonly string[];
  /** Variables of the engine's environment, each KEY=VALUE. */
  readonly environment?: readonly string[];
  readonly insecureRegistries?: readonly string[];
  readonly registryMirrors?: readonly string[];
}

/** What docker-machine's `--swarm` options asked for. */
export interface SwarmSettings {
  readonly master: boolean;
  /** Where the hosts of this swarm make themselves known: `token://…`, `consul://…`; '' if nowhere. */
  readonly discovery: string;
  /** spread, binpack or random. */
  readonly strategy: string;
}

/** How a host of one's own is reached. */
export interface SshTarget {
  /** Name, address or alias of the user's ssh configuration. */
  readonly host: string;
  readonly user: string;
  readonly port: number;
  /** File of the private key; the agent's and the usual ones when not given. */
  readonly key?: string;
}

/** A host that `essaim machine` made: what is remembered about it between two commands. */
export interface Machine {
  readonly name: string;
  readonly driver: string;
  /** IP address at which other hosts reach it. */
  readonly address: string;
  /** Everything that belongs to the host lies below this directory. */
  readonly directory: string;
  /** Nameserver that a lab host asks; its own address, where nobody answers, when not given. */
  readonly dns?: string;
  /** Folder with a lab host's Docker Engine and what that starts; the system's own engine if not given. */
  readonly enginePath?: string;
  readonly engine?: EngineSettings;
  /** Options of Essaim's daemon without their dashes, each KEY=VALUE. */
  readonly daemonOptions?: readonly string[];
  /** Of the driver ssh. */
  readonly ssh?: SshTarget;
  readonly swarm?: SwarmSettings;
  /** 'creating' until the host has run once: what a killed `create` leaves behind. */
  readonly phase: 'creating' | 'ready';
  /** ISO 8601. */
  readonly createdAt: string;
}

export type MachineState = 'Starting' | 'Running' | 'Stopped' | 'Error';

export interface MachineStatus {
  readonly state: MachineState;
  /** What is wrong, for people; empty unless the state is 'Error'. */
  readonly problem: string;
}

export interface CreateOptions {
  /** Name server that a lab host asks; its own address, where nobody answers, if not given. */
  readonly dns?: string;
  /** Folder with the engine that a lab host runs (dockerd and what it starts); the system's own if not given. */
  readonly enginePath?: string;
  readonly engine: EngineSettings;
  /** Options for Essaim's daemon without their dashes, each KEY=VALUE. */
  readonly daemonOptions?: readonly string[];
  /** Wanted by the driver ssh. */
  readonly ssh?: SshTarget;
  readonly swarm?: SwarmSettings;
  /** Told what happens, in a few words for people. */
  readonly progress: Progress;
}

export type Progress = (text: string) => void;

/** Makes and runs hosts of one kind. Every method throws a {@link MachineError} that says what to do. */
export interface Driver {
  readonly name: string;
  /** Makes a host and starts it; leaves nothing behind when it fails, or says what. */
  create(name: string, options: CreateOptions): Promise<Machine>;
  /** Starts whatever of the host does not run; nothing when all of it does. */
  start(machine: Machine): Promise<void>;
  /** Shuts the host down in order, as `poweroff` does. */
  stop(machine: Machine): Promise<void>;
  /** Takes the power away: no process says goodbye, the network goes silent. */
  kill(machine: Machine): Promise<void>;
  /** Takes the host away, whatever state it is in. @param force forgets it where that cannot be done */
  remove(machine: Machine, force: boolean, progress: Progress): Promise<void>;
  /** Connects or cuts the host's network, leaving everything on it running. */
  link(machine: Machine, up: boolean): Promise<void>;
  /** Brings the host to what it was created as: repairs what is missing, renews what is old. */
  provision(machine: Machine, progress: Progress): Promise<void>;
  /** Has the host run this Essaim's version. */
  upgrade(machine: Machine, progress: Progress): Promise<void>;
  /** Brings to the host what one of several managers needs besides. */
  prepareManager(machine: Machine, progress: Progress): Promise<void>;
  /** Gives the host's API a new certificate. */
  renewCertificate(machine: Machine, progress: Progress): Promise<void>;
  status(machine: Machine): Promise<MachineStatus>;
  /** Where the host's APIs are reached from here. */
  endpoints(machine: Machine): Endpoints;
  /** What to execute here so that `argv` (a login shell when empty) runs on the host. @param terminal the user's is here */
  command(machine: Machine, argv: readonly string[], terminal?: boolean): Promise<HostCommand>;
  /** Facts that only this driver knows, for `machine inspect`. */
  details(machine: Machine): Promise<Record<string, unknown>>;
}

/** Where every host serves its API, and on a manager the swarm as one engine; with mutual TLS, as docker-machine had it. */
export const API_PORT = 2376;
export const CLUSTER_PORT = 3376;

/** The host's API over the network. */
export function apiOver({ address, directory }: Machine, port: number = API_PORT): Endpoint {
  return { host: address, port, certificates: directory };
}

export type Endpoint =
  | { readonly socket: string }
  | { readonly host: string; readonly port: number; readonly certificates: string };

export interface Endpoints {
  /** The Essaim daemon's API. */
  readonly essaim: Endpoint;
  /** The Docker Engine's own API, or what passes on to it. */
  readonly engine: Endpoint;
  /** All hosts of its swarm as one engine, on a manager. */
  readonly cluster: Endpoint;
}

export interface HostCommand {
  /** Absolute path of the program. */
  readonly file: string;
  /** Arguments, `argv[0]` included. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** A failure that the user can understand and act on: shown without a stack. */
export class MachineError extends Error {
  override readonly name = 'MachineError';
}

/** The error as one for the user: also what this system refuses, a full disk for example. undefined for a fault of the program's. */
export function forUser(error: unknown): MachineError | undefined {
  if (error instanceof MachineError) return error;
  if (!(error instanceof Error && 'syscall' in error)) return undefined;
  const { path } = error as NodeJS.ErrnoException;
  return new MachineError(
    path === undefined || error.message.includes(path) ? error.message : `${error.message} '${path}'`,
    { cause: error },
  );
}
