/** Who may use a cluster, and what is kept of what they did: objects as in `objects.ts`. */
import type { Meta } from './objects.ts';

/** administrator: all. operator: all but accounts. deployer: its own stacks. viewer: looks, sees no secrets. */
export type AccountRole = 'administrator' | 'operator' | 'deployer' | 'viewer';

/** Somebody who signs in; its ID is the name. Encrypted at rest. */
export interface User extends Meta {
  role: AccountRole;
  /** Of a deployer: the stacks that are its own, by name. */
  stacks?: readonly string[];
  disabled?: boolean;
  internal: {
    /** As `access/password.ts` writes it. */
    password: string;
  };
}

/** Somebody who is signed in; its ID is the digest of what the browser has. Encrypted at rest. */
export interface Session extends Meta {
  user: string;
  /** Milliseconds: when it was last used, give or take some minutes, and when it ends whatever is done. */
  seenAt: number;
  endsAt: number;
  /** From where, and with what, somebody signed in. */
  address: string;
  agent: string;
  internal: Record<string, never>;
}

/** What is shown once and then known by its digest, which is its ID. Encrypted at rest. */
export interface AccessToken extends Meta {
  /** setup: whoever has it may make the first account. wall: may see the map, on a screen. */
  use: 'api' | 'setup' | 'wall';
  name: string;
  /** Whose it is; it can never do more than that account. */
  user?: string;
  /** read: no writes. */
  scope: 'all' | 'read';
  /** Milliseconds. */
  endsAt?: number;
  usedAt?: number;
  internal: Record<string, never>;
}

/** One write, or sign-in, that was tried. */
export interface AuditEntry extends Meta {
  actor: string;
  /** How the actor was known: `session`, `token NAME`, `socket`. */
  via: string;
  /** Where the request came from; empty on the host itself. */
  address: string;
  method: string;
  path: string;
  /** The name of what it was about, where the path has an id or nothing. */
  about?: string;
  /** The HTTP status of the answer. */
  status: number;
  internal: Record<string, never>;
}

/** What a stack was deployed from. Encrypted at rest: variables may be secret. */
export interface StackRevision extends Meta {
  stack: string;
  number: number;
  /** Text by name; the compose file is `compose.yaml`, the variables are `.env`. */
  files: Readonly<Record<string, string>>;
  actor: string;
  message: string;
  internal: Record<string, never>;
}
