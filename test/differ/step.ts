/**
 * What is done on both sides: lines of shell as a user would type them, in order. `docker` there is the CLI, pointed at one
 * host; `$ONE` and `$TWO` are the hosts' addresses; the folder is test/differ/files.
 */
export type Step = Compared | Quiet | Awaited | Restart;

/** What it prints, and its exit code, have to be the same. A text alone runs on the host `one`, the manager. */
export type Compared = string | { readonly two: string };

/** Only needed for what follows: may print what it likes, but has to succeed. */
export interface Quiet {
  readonly quietly: string;
  readonly on?: HostName;
  /** The variable of the shell that has what it printed from then on. */
  readonly as?: string;
}

/** Runs again and again until it prints that (blanks around it aside), on each side for itself. */
export interface Awaited {
  readonly until: string;
  readonly shows: string | RegExp;
  readonly on?: HostName;
}

/** The host is switched off and on again. */
export interface Restart {
  readonly restart: HostName;
}

export const HOSTS = ['one', 'two'] as const;
export type HostName = (typeof HOSTS)[number];

export interface Group {
  readonly name: string;
  /** How the hosts are found: both in a swarm whose manager is `one`, or none of them in any. */
  readonly begins: 'swarm' | 'alone';
  readonly steps: readonly Step[];
}

/** Waits until the service has so many tasks running, of so many. */
export const runs = (service: string, tasks: string): Awaited => ({
  until: `docker service ls --filter name=${service} --format '{{.Name}} {{.Replicas}}' | grep '^${service} '`,
  shows: new RegExp(`^${service} ${tasks}`),
});
