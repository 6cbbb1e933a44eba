/** The suite of all stores, on three members, with the store at one that does not lead etcd. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { storeConformance } from '../../store/conformance.ts';
import type { EtcdClient } from '../../store/etcd/client.ts';
import { createPlace } from '../../store/testing/etcd.ts';
import { MemberHosts } from './testing/hosts.ts';

let hosts: MemberHosts;
let client: EtcdClient;
let places = 0;
before(async () => {
  hosts = await MemberHosts.create();
  const one = await hosts.found();
  const two = await hosts.grow(one);
  await hosts.grow(one);
  client = two.member.client;
  const { leader, header } = await client.status();
  assert.notEqual(leader, header?.member_id);
});
after(() => hosts.close());

storeConformance('etcd, three members', async () => {
  const place = await createPlace(client, `/test${places++}/`);
  let store = await place.open();
  return {
    store,
    async reopen() {
      await store.close();
      store = await place.open();
      return store;
    },
  };
});
