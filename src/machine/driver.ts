/** A host that `essaim machine` made: what is remembered about it between two commands. */
export interface Machine {
  readonly name: string;
  readonly driver: string;
  /** IPv4 address at which other hosts reach it. */
  readonly address: string;
  /** Everything that belongs to the host lies below this directory. */
  readonly directory: string;
  /** Nameserver that the host asks; the loopback address when it asks nobody. */
  readonly dns: string;
  /** Folder with the host's Docker Engine and what that starts; the system's own engine if not given. */
  readonly enginePath?: string;
  /** Flags of the engine without their dashes, each KEY=VALUE. */
  readonly engineOptions?: readonly string[];
  /** Options of Essaim's daemon without their dashes, each KEY=VALUE. */
  readonly daemonOptions?: readonly string[];
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
  /** Name server that the host asks; its own address, where nobody answers, if not given. */
  readonly dns?: string;
  /** Folder with the engine that the host runs (dockerd and what it starts); the system's own if not given. */
  readonly enginePath?: string;
  /** Flags for the engine without their dashes, each KEY=VALUE. */
  readonly engineOptions?: readonly string[];
  /** Options for Essaim's daemon without their dashes, each KEY=VALUE. */
  readonly daemonOptions?: readonly string[];
  /** Told what happens, in a few words for people. */
  readonly progress: (text: string) => void;
}

/** Makes and runs hosts of one kind. Every method throws a {@link MachineError} that says what to do. */
export interface Driver {
  readonly name: string;
  /** Makes a host and starts it; leaves nothing behind when it fails. */
  create(name: string, options: CreateOptions): Promise<Machine>;
  /** Starts whatever of the host does not run; nothing when all of it does. */
  start(machine: Machine): Promise<void>;
  /** Shuts the host down in order, as `poweroff` does. */
  stop(machine: Machine): Promise<void>;
  /** Takes the power away: no process says goodbye, the network goes silent. */
  kill(machine: Machine): Promise<void>;
  /** Removes the host and all its data, whatever state it is in. */
  remove(machine: Machine): Promise<void>;
  /** Connects or cuts the host's network, leaving everything on it running. */
  link(machine: Machine, up: boolean): Promise<void>;
  status(machine: Machine): Promise<MachineStatus>;
  /** The host's sockets as seen from here. */
  endpoints(machine: Machine): Endpoints;
  /** What to execute here so that `argv` (a login shell when empty) runs on the host. */
  command(machine: Machine, argv: readonly string[]): Promise<HostCommand>;
  /** Facts that only this driver knows, for `machine inspect`. */
  details(machine: Machine): Promise<Record<string, unknown>>;
}

export interface Endpoints {
  /** Path of the Essaim daemon's API socket. */
  readonly essaim: string;
  /** Path of the Docker Engine's own API socket. */
  readonly engine: string;
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
