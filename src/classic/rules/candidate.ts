/** Hosts as placement sees them: what is on them already, what is about to be, what they have. */
import type { HostPort } from '../../fleet/records.ts';

export interface Occupant {
  /** Empty while it is being created. */
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ports: readonly HostPort[];
  readonly networkMode: string;
  readonly exposed: readonly string[];
  /** Bytes. */
  readonly memory: number;
  readonly cpus: number;
}

export interface CandidateImage {
  readonly id: string;
  /** `nginx:1.9`, and by digest. */
  readonly names: readonly string[];
}

export interface Candidate {
  readonly key: string;
  /** The engine's id and its address; engines may share the first. */
  readonly id: string;
  readonly engineId: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly healthy: boolean;
  /** 0 to 100. */
  readonly health: number;
  /** Of all states: those that are stopped keep what they have. */
  readonly occupants: readonly Occupant[];
  /** Ports that are taken besides those of the occupants. */
  readonly ports: readonly HostPort[];
  readonly images: readonly CandidateImage[];
  /** Volumes by name: whether some container there uses it, so that there are data in it. */
  readonly volumes: ReadonlyMap<string, { used: boolean }>;
  /** What may be given away: bytes, processors. */
  readonly memory: number;
  readonly cpus: number;
}

/** A total with that many percent more, in whole numbers. */
export function overcommitted(total: number, percent: number): number {
  return total + Math.trunc((total * percent) / 100);
}

export function used(candidate: Candidate): { memory: number; cpus: number } {
  let [memory, cpus] = [0, 0];
  for (const occupant of candidate.occupants) {
    memory += occupant.memory;
    cpus += occupant.cpus;
  }
  return { memory, cpus };
}
