/** Clients of etcd that behave as networks and members do at their worst. */
import { EtcdClient, EtcdError, type WatchCall } from '../etcd/client.ts';
import type { TxnRequest, TxnResponse, WatchResponse } from '../etcd/messages.ts';

const TIMEOUT = 10_000;

/** One whose transactions are on their way until they are let go on. */
export class HeldClient extends EtcdClient {
  #held: PromiseWithResolvers<void> | undefined;

  constructor(socket: string) {
    super({ socket, timeout: TIMEOUT });
  }

  hold(): void {
    this.#held = Promise.withResolvers();
  }

  release(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }

  override async txn(request: TxnRequest): Promise<TxnResponse> {
    await this.#held?.promise;
    return super.txn(request);
  }
}

/** What becomes of a transaction: `carry` has it carried out; what this throws or returns is the answer. */
export type Fate = (carry: () => Promise<TxnResponse>, request: TxnRequest) => Promise<TxnResponse>;

/** One whose transactions meet the fates that a test gives, one after the other, and then none. */
export class FatefulClient extends EtcdClient {
  fates: Fate[] = [];
  #watching: { call: WatchCall; ended: (error: EtcdError) => void } | undefined;
  #cut = false;

  constructor(socket: string) {
    super({ socket, timeout: TIMEOUT });
  }

  override txn(request: TxnRequest): Promise<TxnResponse> {
    const carry = () => super.txn(request);
    const fate = this.fates.shift();
    return fate ? fate(carry, request) : carry();
  }

  override watch(heard: (response: WatchResponse) => void, ended: (error: EtcdError) => void): WatchCall {
    if (this.#cut) throw new EtcdError('cut off', true);
    const call = super.watch(heard, ended);
    this.#watching = { call, ended };
    return call;
  }

  /** Nothing is heard of what is written any more. */
  cutWatch(): void {
    this.#cut = true;
    this.#watching?.call.cancel();
    this.#watching?.ended(new EtcdError('cut off', true));
  }

  mendWatch(): void {
    this.#cut = false;
  }
}

/** Carried out, but nobody hears of it. */
export const unheard: Fate = async (carry) => {
  await carry();
  throw new EtcdError('there was no answer', false);
};

/** Lost on its way, and nobody knows. */
export const lost: Fate = async () => {
  throw new EtcdError('there was no answer', false);
};
