/** An etcd with room for the states of many tests. */
import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { Etcd } from '../../../test/support/etcd.ts';
import { systemClock } from '../../model/clock.ts';
import type { DataKey } from '../encoding/data-key.ts';
import type { EtcdClient } from '../etcd/client.ts';
import { Keys } from '../etcd/keys.ts';
import { type Leadership, takeLead } from '../etcd/lead.ts';
import { createState } from '../etcd/state.ts';
import { type EtcdOptions, type EtcdStore, openEtcdStore } from '../etcd/store.ts';

const key = randomBytes(32);
export const dataKey: DataKey = {
  key,
  fingerprint: createHmac('sha256', key).update('test').digest('base64'),
};

export class EtcdFixture {
  #etcd: Etcd | undefined;
  #client: EtcdClient | undefined;
  #places = 0;

  get etcd(): Etcd {
    assert.ok(this.#etcd, 'it is not started');
    return this.#etcd;
  }

  get client(): EtcdClient {
    assert.ok(this.#client, 'it is not started');
    return this.#client;
  }

  async start(): Promise<void> {
    this.#etcd = await Etcd.start();
    this.#client = this.#etcd.client();
  }

  async stop(): Promise<void> {
    this.#client?.close();
    await this.#etcd?.stop();
  }

  /** A state of its own, which is empty and led by 'one'. */
  place(options: Partial<EtcdOptions> = {}): Promise<Place> {
    return createPlace(this.client, `/test${this.#places++}/`, options);
  }
}

/** Begins a state under that prefix, led by 'one'. */
export async function createPlace(
  client: EtcdClient,
  prefix: string,
  options: Partial<EtcdOptions> = {},
): Promise<Place> {
  await createState(client, { keys: new Keys(prefix), dataKey, after: 7 });
  const lead = await takeLead(client, `/lead${prefix}`, 'one');
  assert.ok(lead);
  const own = { client, prefix, dataKey, clock: systemClock, patience: 20_000, onTrouble: () => {} };
  return new Place(lead, { ...own, ...options });
}

/** Where a state is. */
export class Place {
  readonly lead: Leadership;
  readonly options: EtcdOptions;

  constructor(lead: Leadership, options: EtcdOptions) {
    this.lead = lead;
    this.options = options;
  }

  async open(options: Partial<EtcdOptions> = {}): Promise<EtcdStore> {
    const store = await openEtcdStore({ ...this.options, ...options });
    store.lead(this.lead);
    return store;
  }
}
