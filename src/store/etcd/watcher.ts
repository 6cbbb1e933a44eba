/** Follows what is written in etcd, over lost connections and members without a leader, from one revision on. */
import type { Clock } from '../../model/clock.ts';
import type { EtcdClient, WatchCall } from './client.ts';
import type { WatchEvent, WatchResponse } from './messages.ts';

/** Milliseconds between questions whether the stream still stands. */
const PULSE = 1000;
/** A stream that has been silent for so many pulses is given up. */
const SILENCE = 3;
const PAUSE = 200;

export interface WatcherOptions {
  client: Pick<EtcdClient, 'watch'>;
  clock: Clock;
  range: { key: string; range_end: string };
  /** What comes after this revision of etcd is told. */
  after: number;
  /** Told of all that was written at a revision, each once and in order. */
  heard(revision: number, events: readonly WatchEvent[]): void;
  /** etcd has forgotten what was to come next. Returns the revision after which to go on. */
  compacted(): Promise<number>;
  /** Told when following stops, and with undefined when it goes on. */
  trouble(error: Error | undefined): void;
}

export class Watcher {
  readonly #options: WatcherOptions;
  #after: number;
  #call: WatchCall | undefined;
  #cancelTimer: (() => void) | undefined;
  #silent = 0;
  #troubled = false;
  #closed = false;

  constructor(options: WatcherOptions) {
    this.#options = options;
    this.#after = options.after;
    this.#begin();
  }

  close(): void {
    this.#closed = true;
    this.#stop();
  }

  #stop(): void {
    this.#cancelTimer?.();
    this.#call?.cancel();
    this.#call = undefined;
  }

  #begin(): void {
    try {
      const call = this.#options.client.watch(
        (response) => this.#heard(call, response),
        (error) => this.#again(error),
      );
      this.#call = call;
      call.send({ create_request: { ...this.#options.range, start_revision: this.#after + 1 } });
      this.#silent = 0;
      this.#later(PULSE, () => this.#pulse());
    } catch (error) {
      this.#again(error as Error);
    }
  }

  /** The revision of the answer is not relied upon: some versions of etcd give one that they have not told of yet. */
  #pulse(): void {
    if (++this.#silent > SILENCE) {
      this.#again(new Error(`etcd has been silent for ${SILENCE * PULSE} ms`));
      return;
    }
    this.#call?.send({ progress_request: {} });
    this.#later(PULSE, () => this.#pulse());
  }

  #heard(
    call: WatchCall,
    { created, canceled, compact_revision: compacted, cancel_reason: reason, events }: WatchResponse,
  ): void {
    if (call !== this.#call) return;
    this.#silent = 0;
    if (compacted > 0) this.#reload();
    else if (canceled) this.#again(new Error(`etcd has ended the watch: ${reason}`));
    else {
      if (created) this.#well();
      for (const group of byRevision(events)) {
        // Going on from the last event, not from what a header says: what is in between may not have been told.
        this.#after = group.revision;
        this.#options.heard(group.revision, group.events);
        if (this.#closed) return;
      }
    }
  }

  #well(): void {
    if (!this.#troubled) return;
    this.#troubled = false;
    this.#options.trouble(undefined);
  }

  #again(error: Error): void {
    if (this.#closed) return;
    this.#stop();
    if (!this.#troubled) this.#options.trouble(error);
    this.#troubled = true;
    this.#later(PAUSE, () => this.#begin());
  }

  #later(ms: number, what: () => void): void {
    this.#cancelTimer = this.#options.clock.timer(ms, what);
  }

  #reload(): void {
    this.#stop();
    this.#options.compacted().then(
      (after) => {
        this.#after = after;
        if (!this.#closed) this.#begin();
      },
      (error) => this.#again(error),
    );
  }
}

/** Events one after the other that belong to one transaction. */
function byRevision(events: readonly WatchEvent[]): Array<{ revision: number; events: WatchEvent[] }> {
  const groups: Array<{ revision: number; events: WatchEvent[] }> = [];
  for (const event of events) {
    const revision = event.kv!.mod_revision;
    const last = groups.at(-1);
    if (last?.revision === revision) last.events.push(event);
    else groups.push({ revision, events: [event] });
  }
  return groups;
}
