/**
 * Which manager leads: the one that is on record in etcd. The manager beside etcd's own leader puts itself on record when
 * that has changed; where it does not, since its daemon is away, any other one does once the lease of the last has ended.
 */
import type { Clock } from '../../model/clock.ts';
import { EtcdError, type KeepAliveCall, type LeadClient } from '../../store/etcd/client.ts';
import { type Leadership, readLead, takeLead } from '../../store/etcd/lead.ts';
import type { Office } from '../contract.ts';
import { type Decision, decide, type Sight } from './decide.ts';

export interface ElectionOptions {
  client: LeadClient;
  nodeId: string;
  /** Of the leader's record. */
  key: string;
  clock: Clock;
  /** Whether that manager's daemon is certainly away, and not only out of reach. */
  isAway(nodeId: string): Promise<boolean>;
  /** Told first of all when this manager's term of office begins, and with undefined when it is over. */
  onTerm(leadership: Leadership | undefined): void;
  log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

/** Milliseconds between looks. */
const EVERY = 100;
/** Seconds that the record lasts without a sign of its holder, and milliseconds between signs. */
const LEASE = 2;
const SIGN = 500;
/** Milliseconds between looks at the daemon of the one that leads; so many in a row have to find it away, the later ones soon. */
const WATCH = 400;
const AWAY = 2;
/**
 * A member that has not answered for so long (ms) is none: so old can be what is shown, at most. On a host that has much to
 * do an answer may well take a second.
 */
const SILENCE = 2_500;

export class Election implements Office {
  readonly #options: ElectionOptions;
  readonly #listeners = new Set<() => void>();
  readonly #over = new AbortController();
  readonly #looking: Promise<void>;
  #term: Leadership | undefined;
  #leader: string | undefined;
  #lease: Kept | undefined;
  #resigned = false;
  #current = false;
  /** The manager that was found away, and how often in a row. */
  #away: { nodeId: string; times: number } | undefined;
  #watching = false;
  #watchedAt = 0;
  #answeredAt: number;
  #ledAt: number;
  #heldAt: number;

  constructor(options: ElectionOptions) {
    this.#options = options;
    const now = options.clock.now();
    this.#answeredAt = now;
    this.#ledAt = now;
    this.#heldAt = now;
    this.#looking = this.#look();
  }

  leader(): string | undefined {
    return this.#leader;
  }

  isCurrent(): boolean {
    return this.#current && this.#options.clock.now() - this.#answeredAt < SILENCE;
  }

  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /**
   * Leaves the lead to another manager, until one has taken it, or none has for a while. Never rejects.
   * @param handOver gives etcd's own lead to another member, so that the manager there takes this one at once
   */
  async resign(handOver: () => Promise<unknown>): Promise<void> {
    this.#resigned = true;
    const { client, log } = this.#options;
    const late = (error: unknown): void =>
      log.warn({ err: error }, 'the lead could not be handed over: it will be taken');
    await handOver().catch(late);
    if (this.#lease) await client.revoke({ ID: this.#lease.id }).catch(late);
    this.#lose();
  }

  /** Lets go of the lead by itself, whose record ends with its lease. */
  async close(): Promise<void> {
    this.#over.abort();
    await this.#looking;
    this.#lose();
  }

  async #look(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#over;
    while (!signal.aborted) {
      const sight = await this.#see();
      if (signal.aborted) return;
      await this.#act(sight).catch((error: unknown) => {
        if (!(error instanceof EtcdError)) throw error;
        this.#options.log.warn({ err: error }, 'cannot take the lead yet');
      });
      await new Promise<void>((resolve) => {
        const cancel = clock.timer(EVERY, done);
        signal.addEventListener('abort', done, { once: true });
        function done(): void {
          cancel();
          signal.removeEventListener('abort', done);
          resolve();
        }
      });
    }
  }

  async #see(): Promise<Sight | undefined> {
    const { client, key, clock } = this.#options;
    try {
      const [{ leader, raftTerm, header, isLearner }, lead] = await Promise.all([
        client.status(),
        readLead(client, key, true),
      ]);
      this.#answeredAt = clock.now();
      if (isLearner) return undefined;
      return { memberId: header!.member_id, raftLeader: leader, raftTerm, lead };
    } catch (error) {
      if (error instanceof EtcdError) return undefined;
      throw error;
    }
  }

  async #act(sight: Sight | undefined): Promise<void> {
    const now = this.#options.clock.now();
    if (sight && sight.raftLeader !== '') this.#ledAt = now;
    if (sight?.lead) this.#heldAt = now;
    this.#watchHolder(sight?.lead?.holder);
    const decision: Decision = decide(sight, {
      nodeId: this.#options.nodeId,
      since: this.#term?.revision,
      vacant: now - this.#heldAt,
      gone: this.#away?.nodeId === sight?.lead?.holder && (this.#away?.times ?? 0) >= AWAY,
      leaderless: now - this.#ledAt,
      resigned: this.#resigned,
    });
    if (decision === 'lost') this.#lose();
    if (decision === 'take') {
      this.#resigned = false;
      await this.#take(sight!);
    } else this.#know(sight);
  }

  #watchHolder(holder: string | undefined): void {
    const { nodeId, clock, isAway } = this.#options;
    if (holder === undefined || holder === nodeId) this.#away = undefined;
    else if (!this.#watching && (this.#away || clock.now() - this.#watchedAt >= WATCH)) {
      this.#watching = true;
      this.#watchedAt = clock.now();
      void isAway(holder).then((away) => {
        this.#watching = false;
        const times = this.#away?.nodeId === holder ? this.#away.times : 0;
        this.#away = away ? { nodeId: holder, times: times + 1 } : undefined;
      });
    }
  }

  async #take({ raftTerm }: Sight): Promise<void> {
    const { client, key, nodeId, onTerm, log } = this.#options;
    const { ID } = await client.grant({ TTL: LEASE });
    const term = await takeLead(client, key, nodeId, { raftTerm, lease: ID });
    if (!term || this.#resigned || this.#over.signal.aborted) {
      await client.revoke({ ID });
      return;
    }
    this.#lease = this.#keepAlive(ID);
    this.#term = term;
    this.#heldAt = this.#options.clock.now();
    log.info({ term: raftTerm }, 'this manager leads the swarm');
    onTerm(term);
    this.#current = true;
    this.#tell(nodeId);
  }

  #lose(): void {
    const { onTerm, nodeId, log } = this.#options;
    if (this.#lease) {
      this.#lease.end();
      this.#lease = undefined;
    }
    if (!this.#term) return;
    this.#term = undefined;
    log.info({}, 'this manager does not lead the swarm any more');
    onTerm(undefined);
    if (this.#leader === nodeId) this.#tell(undefined);
  }

  /** What is on record, as far as it is known. */
  #know(sight: Sight | undefined): void {
    this.#current = sight !== undefined && sight.raftLeader !== '';
    // Who has lost sight of the others still goes by what was last known, until somebody else is.
    if (!this.#current || this.#term) return;
    const holder = sight?.lead?.holder;
    if (holder !== undefined && holder !== this.#options.nodeId) this.#resigned = false;
    this.#tell(holder === this.#options.nodeId ? undefined : holder);
  }

  #tell(leader: string | undefined): void {
    if (this.#leader === leader) return;
    this.#leader = leader;
    for (const listener of [...this.#listeners]) listener();
  }

  /** A stream that breaks is opened again: the lease lasts a while. */
  #keepAlive(id: string): Kept {
    const { client, clock } = this.#options;
    const open = (): KeepAliveCall =>
      client.keepAlive(
        () => undefined,
        () => {
          broken = true;
        },
      );
    let broken = false;
    let call = open();
    const sign = (): void => {
      try {
        if (broken) call = open();
        broken = false;
        call.send({ ID: id });
      } catch (error) {
        // etcd has ended: what is on record ends with the lease.
        if (!(error instanceof EtcdError)) throw error;
      }
      cancel = clock.timer(SIGN, sign);
    };
    let cancel = clock.timer(SIGN, sign);
    return {
      id,
      end() {
        cancel();
        call.cancel();
      },
    };
  }
}

/** A lease that is kept alive. */
interface Kept {
  id: string;
  end(): void;
}
