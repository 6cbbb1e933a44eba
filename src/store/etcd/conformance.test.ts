import { after, before } from 'node:test';
import { storeConformance } from '../conformance.ts';
import { EtcdFixture } from '../testing/etcd.ts';

const fixture = new EtcdFixture();
before(() => fixture.start());
after(() => fixture.stop());

storeConformance('etcd', async () => {
  const place = await fixture.place();
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
