/**
 * A model of etcd: members that agree on a log as raft has it, with leaders, terms, cut links and lost entries. What is
 * carried out is the same everywhere; how far each member has come is not. An entry whose leader was lost may have gone
 * with it or may take effect later, as far as the next leader had it.
 */

import type { Clock } from '../../../src/model/clock.ts';
import type { TxnResponse } from '../../../src/store/etcd/messages.ts';
import type { Random } from '../random.ts';
import { type Command, Keyspace } from './keyspace.ts';
import { ELECTION, Member } from './member.ts';

const TICK = 50;

export interface Entry {
  /** Its place in the log, from 1. */
  index: number;
  command: Command;
  /** Who has asked for it. */
  by: unknown;
  answer: TxnResponse | string | undefined;
  /** etcd's revision after it. */
  revision: number;
}

export interface EtcdModelOptions {
  clock: Clock;
  random: Random;
  /** Whether what that member sends reaches the other. */
  reaches(from: string, to: string): boolean;
  /** Told of each entry as it takes effect, in order. */
  happened(entry: Entry, keyspace: Keyspace): void;
  log(line: string): void;
}

export class EtcdModel {
  readonly keyspace = new Keyspace();
  readonly members: readonly Member[];
  readonly #options: EtcdModelOptions;
  readonly #log: Entry[] = [];
  /** The leader that the majority has elected last. */
  #elected: Member | undefined;
  #committed = 0;
  #leases = 0;
  readonly #expiresAt = new Map<string, number>();
  #replicating = false;

  constructor(ids: readonly string[], options: EtcdModelOptions) {
    this.members = ids.map((id) => new Member(id));
    this.#options = options;
    this.#tick();
  }

  member(id: string): Member {
    return this.members.find((each) => each.id === id)!;
  }

  /** The member that leads and is able to. */
  get leader(): Member | undefined {
    const elected = this.#elected;
    return elected?.awake && elected.leads && this.#hasQuorum(elected) ? elected : undefined;
  }

  newLease(): string {
    return `lease${++this.#leases}`;
  }

  /** Whether two members hear each other. */
  linked(a: Member, b: Member): boolean {
    const { reaches } = this.#options;
    return a === b || (a.awake && b.awake && reaches(a.id, b.id) && reaches(b.id, a.id));
  }

  /** The command goes to the leader; `done` is called when that member has carried it out, which may never be. */
  propose(member: Member, command: Command, by: unknown, done: (entry: Entry) => void): void {
    this.#atLeader(member, (leader) => {
      if (leader !== this.#elected) return;
      const entry = this.#append(leader, command, by);
      this.#whenMoved(member, () => {
        // Nobody hears of an entry that was lost.
        if (this.#log[entry.index - 1] !== entry) return true;
        if (member.applied < entry.index) return false;
        done(entry);
        return true;
      });
    });
  }

  /** `done` is called when that member has carried out all that had been agreed on when it was asked. */
  confirm(member: Member, done: () => void): void {
    this.#atLeader(member, (leader) => {
      if (leader !== this.#elected || !this.#hasQuorum(leader)) return;
      const index = this.#committed;
      this.#whenMoved(member, () => {
        if (member.applied < index) return false;
        done();
        return true;
      });
    });
  }

  /** `done` is told how long (s) the lease has from now on. */
  renew(member: Member, id: string, done: (ttl: number) => void): void {
    this.#atLeader(member, (leader) => {
      if (leader !== this.#elected) return;
      const ttl = this.keyspace.leases.get(id)?.ttl ?? 0;
      if (ttl > 0) this.#expiresAt.set(id, this.#now() + ttl * 1000);
      done(ttl);
    });
  }

  /** The leading member gives the lead to another one that hears it. */
  moveLeader(from: Member, to: Member): boolean {
    if (this.leader !== from || !this.linked(from, to)) return false;
    to.stored = from.stored;
    this.#elect(
      to,
      this.members.filter((each) => this.linked(to, each)),
    );
    return true;
  }

  /** Forgets what there was before. */
  compact(revision: number): void {
    const leader = this.leader;
    if (leader) this.propose(leader, { compact: revision }, undefined, () => {});
  }

  #now(): number {
    return this.#options.clock.now();
  }

  #later(ms: number, fn: () => void): void {
    this.#options.clock.timer(this.#options.random.latency(ms), fn);
  }

  #hasQuorum(leader: Member): boolean {
    return 2 * this.members.filter((each) => this.linked(leader, each)).length > this.members.length;
  }

  /** Calls `fn` at the leader that the member knows, if it gets there. */
  #atLeader(member: Member, fn: (leader: Member) => void): void {
    const leader = this.member(member.leader);
    if (!leader) return;
    this.#later(leader === member ? 1 : 2, () => {
      if (!this.linked(member, leader) || !leader.leads) return;
      fn(leader);
    });
  }

  #whenMoved(member: Member, look: () => boolean): void {
    if (look()) return;
    const again = (): void => {
      if (look()) forget();
    };
    const forget = (): void => {
      member.moved.delete(again);
      member.ended.delete(forget);
    };
    member.moved.add(again);
    member.ended.add(forget);
  }

  #append(leader: Member, command: Command, by: unknown): Entry {
    const entry: Entry = { index: this.#log.length + 1, command, by, answer: undefined, revision: 0 };
    this.#log.push(entry);
    leader.stored = entry.index;
    this.#replicateSoon();
    return entry;
  }

  #replicateSoon(): void {
    if (this.#replicating) return;
    this.#replicating = true;
    this.#later(2, () => {
      this.#replicating = false;
      this.#replicate();
    });
  }

  #replicate(): void {
    const leader = this.#elected;
    if (!leader?.awake || !leader.leads) return;
    for (const each of this.members) {
      if (this.linked(leader, each) && each.term === leader.term) each.stored = leader.stored;
    }
    const stored = this.members.map((each) => each.stored).sort((a, b) => b - a);
    const majority = stored[this.members.length >> 1]!;
    for (; this.#committed < majority; this.#committed++) this.#carryOut(this.#log[this.#committed]!);
    for (const each of this.members) {
      const target = Math.min(this.#committed, each.stored);
      if (each.applied < target && this.linked(leader, each)) this.#applySoon(each, target);
    }
  }

  #applySoon(member: Member, target: number): void {
    const apply = (): void => {
      if (member.applied >= target) return;
      member.applied = target;
      member.revision = this.#log[target - 1]!.revision;
      for (const look of [...member.moved]) look();
    };
    if (member === this.#elected && member.applyLag === 1) apply();
    else this.#later(member.applyLag, () => member.run(apply));
  }

  #carryOut(entry: Entry): void {
    const { command } = entry;
    entry.answer = this.keyspace.apply(command);
    entry.revision = this.keyspace.revision;
    if ('grant' in command) this.#expiresAt.set(command.grant.id, this.#now() + command.grant.ttl * 1000);
    this.#options.happened(entry, this.keyspace);
  }

  #tick(): void {
    this.#options.clock.timer(TICK, () => this.#tick());
    const now = this.#now();
    for (const member of this.members) {
      if (!member.awake) continue;
      if (member.leads) this.#lead(member, now);
      else if (now - member.heardAt > member.patience) this.#campaign(member, now);
    }
    if (this.#elected?.awake && this.#elected.leads) {
      if (this.members.some((each) => each.applied < this.#committed) || this.#committed < this.#log.length)
        this.#replicate();
      this.#expire(this.#elected, now);
    }
  }

  /** Signs to the others; without answers of enough of them it leads no more. */
  #lead(leader: Member, now: number): void {
    const { reaches, random } = this.#options;
    for (const each of this.members) {
      if (each === leader || !each.awake) continue;
      if (reaches(each.id, leader.id) && each.term > leader.term) {
        leader.lose(now);
        leader.heardAt = now;
        return;
      }
      if (!reaches(leader.id, each.id) || each.term > leader.term) continue;
      if (each.leader === leader.id && each.term === leader.term) each.heardAt = now;
      else each.follow(leader.id, leader.term, now, random);
      if (reaches(each.id, leader.id)) leader.answeredAt.set(each.id, now);
    }
    const answering = [...leader.answeredAt.values()].filter((at) => now - at <= ELECTION).length;
    if (2 * (answering + 1) > this.members.length) return;
    this.#options.log(`etcd: ${leader.id} steps down`);
    leader.lose(now);
    leader.heardAt = now;
  }

  #campaign(member: Member, now: number): void {
    const { random } = this.#options;
    if (member.leader !== '') member.lose(now);
    member.heardAt = now;
    member.patience = random.int(ELECTION / 2, ELECTION);
    const voters = this.members.filter(
      (each) =>
        each === member ||
        (this.linked(member, each) &&
          each.stored <= member.stored &&
          !each.leads &&
          now - each.heardAt >= (each.leader === '' ? 0 : ELECTION)),
    );
    if (2 * voters.length > this.members.length) this.#elect(member, voters);
  }

  #elect(member: Member, voters: readonly Member[]): void {
    const { random, log } = this.#options;
    const now = this.#now();
    const term = Math.max(...voters.map((each) => each.term)) + 1;
    for (const voter of voters) voter.follow(member.id, term, now, random);
    // What the new leader does not have is gone.
    this.#log.length = member.stored;
    for (const each of this.members) each.stored = Math.min(each.stored, member.stored);
    member.answeredAt.clear();
    for (const voter of voters) member.answeredAt.set(voter.id, now);
    this.#elected = member;
    log(`etcd: ${member.id} leads in term ${term}`);
    this.#append(member, { begin: term }, undefined);
    // A new leader does not know how much time was left.
    for (const [id, { ttl }] of this.keyspace.leases) this.#expiresAt.set(id, now + ttl * 1000 + ELECTION);
  }

  #expire(leader: Member, now: number): void {
    for (const id of this.keyspace.leases.keys()) {
      if ((this.#expiresAt.get(id) ?? 0) > now) continue;
      // Should it be lost on its way, it is tried again.
      this.#expiresAt.set(id, now + 1000);
      this.#append(leader, { revoke: id }, undefined);
    }
  }
}
