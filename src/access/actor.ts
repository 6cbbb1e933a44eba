/** Who is asking, and what that lets them do. */
import type { AccountRole } from '../model/accounts.ts';

/**
 * What a route takes.
 * - `open`: nothing; asked before anybody is signed in.
 * - `own`: to be signed in; it is about one's own account.
 * - `self`: to change what is of one's own account: its password, tokens, sessions.
 * - `wall`: to see which tasks are on which hosts; all that a screen on the wall may.
 * - `see`: to look, without anything secret.
 * - `stack`: to change what belongs to a stack that is one's own.
 * - `console`: to get into a container of such a stack, or at what is in it.
 * - `operate`: to change anything in the cluster, and to see what is secret.
 * - `accounts`: to change accounts.
 * - `socket`: nothing gives that: only the daemon's own socket has such routes.
 */
export type Right =
  | 'open'
  | 'own'
  | 'self'
  | 'wall'
  | 'see'
  | 'stack'
  | 'console'
  | 'operate'
  | 'accounts'
  | 'socket';

export interface Actor {
  name: string;
  role: AccountRole;
  /** Of a deployer: its own stacks. */
  stacks: ReadonlySet<string>;
  /** A token may be for reading alone, or for the map alone. */
  scope: 'all' | 'read' | 'wall';
  via: { kind: 'session' | 'accessToken'; id: string; name: string };
}

/** What a reading token has: with more it could make itself one that may do everything. */
const READS: ReadonlySet<Right> = new Set<Right>(['open', 'own', 'wall', 'see']);
const OF_ROLE: Record<AccountRole, ReadonlySet<Right>> = {
  viewer: new Set<Right>([...READS, 'self']),
  deployer: new Set<Right>([...READS, 'self']),
  operator: new Set<Right>([...READS, 'self', 'stack', 'console', 'operate']),
  administrator: new Set<Right>([...READS, 'self', 'stack', 'console', 'operate', 'accounts']),
};

/** Whether the actor has that right; `stack`: the stack of what it is about, if it is of one. */
export function has(actor: Actor | undefined, right: Right, stack?: string): boolean {
  if (right === 'open') return true;
  if (!actor || right === 'socket') return false;
  if (actor.scope === 'wall') return right === 'wall';
  if (actor.scope === 'read' && !READS.has(right)) return false;
  if (OF_ROLE[actor.role].has(right)) return true;
  const mayBeOwn = right === 'stack' || right === 'console';
  return mayBeOwn && actor.role === 'deployer' && stack !== undefined && actor.stacks.has(stack);
}

/** Why somebody is refused, and who could do it. */
export function refusal(actor: Actor, right: Right): string {
  if (actor.scope === 'read' && !READS.has(right)) return `the token ${actor.via.name} is for reading only`;
  if (right === 'accounts') return `accounts are for administrators, and ${actor.name} is ${aRole(actor)}`;
  if (actor.role === 'deployer' && (right === 'stack' || right === 'console'))
    return `${actor.name} is a deployer of ${[...actor.stacks].join(', ') || 'no stack yet'}, and this belongs to none of these`;
  const deployer = right === 'stack' || right === 'console' ? 'a deployer of its stack, ' : '';
  return `this takes ${deployer}an operator or an administrator, and ${actor.name} is ${aRole(actor)}`;
}

function aRole({ role }: Actor): string {
  return /^[aeo]/.test(role) ? `an ${role}` : `a ${role}`;
}
