/** What the registry's key-value store keeps: objects as in `objects.ts`. */
import type { Meta } from './objects.ts';

/** A key of the registry's key–value store; its ID is made of the key. Encrypted at rest: a value may be secret. */
export interface RegistryKey extends Meta {
  key: string;
  /** Base64. */
  value: string;
  /** Clients give it a meaning. */
  flags: number;
  /** How often it was taken as a lock, and the session that has it now. */
  lockIndex: number;
  session?: string;
  /** The revision at which it was made; absent until it is changed. */
  created?: number;
  /** Until then (ms) nobody may take it as a lock: who had it may not know yet that it is lost. */
  delayedUntil?: number;
  internal: Record<string, never>;
}

/** Whoever has keys as locks, for as long as it says that it is there. */
export interface RegistrySession extends Meta {
  name: string;
  /** The name of the host that it was made on. */
  host: string;
  /** Milliseconds; absent: it lasts until it is destroyed. */
  ttl?: number;
  /** When it was last renewed, give or take a quarter of the time that it has (ms). */
  renewedAt: number;
  /** What becomes of its keys when it ends. */
  behavior: 'release' | 'delete';
  /** How long (ms) they cannot be taken after that. */
  lockDelay: number;
  internal: Record<string, never>;
}
