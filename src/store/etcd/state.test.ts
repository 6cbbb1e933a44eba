import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '../../model/clock.ts';
import { sampleCluster, sampleConfig, sampleCredential, sampleSecret, sampleService } from '../samples.ts';
import { StoreError } from '../store-error.ts';
import { dataKey, EtcdFixture, Place } from '../testing/etcd.ts';
import { Keys } from './keys.ts';
import { takeLead } from './lead.ts';
import { createState } from './state.ts';
import { openEtcdStore } from './store.ts';

const fixture = new EtcdFixture();
const refused =
  (...words: RegExp[]) =>
  (error: unknown) =>
    error instanceof StoreError && words.every((word) => word.test(error.message));

describe('state in etcd', () => {
  before(() => fixture.start());
  after(() => fixture.stop());

  test('goes on from the versions that clients have seen elsewhere', async () => {
    const prefix = '/moved/';
    await createState(fixture.client, { keys: new Keys(prefix), dataKey, after: 1_000_000 });
    const lead = await takeLead(fixture.client, '/moved-lead', 'one');
    const place = new Place(lead!, {
      client: fixture.client,
      prefix,
      dataKey,
      clock: systemClock,
      patience: 5000,
      onTrouble: () => {},
    });
    const store = await place.open();
    const { revision } = await store.commit({
      changes: [{ op: 'put', kind: 'service', object: sampleService('a') }],
    });
    assert.ok(revision > 1_000_000);
    await store.close();
    const again = await place.open();
    assert.equal(again.view.get('service', 'a')?.Version.Index, revision);
    assert.equal(again.view.revision, revision);
    await again.close();
  });

  test('is begun once', async () => {
    const { options } = await fixture.place();
    const again = createState(fixture.client, { keys: new Keys(options.prefix), dataKey, after: 7 });
    await assert.rejects(again, refused(/has the state of a swarm/, /nothing was changed/));
  });

  test('is missed, if it is not there', async () => {
    const { options } = await fixture.place();
    await assert.rejects(
      openEtcdStore({ ...options, prefix: '/none/' }),
      refused(/no state of a swarm/, /restore/),
    );
  });

  test('has nothing secret in plain, and is read with its own key alone', async () => {
    const place = await fixture.place();
    const plain = {
      secret: 'hush-secret',
      config: 'hush-config',
      caKey: 'hush-ca',
      token: 'hush-token',
      auth: 'hush-auth',
    };
    const store = await place.open();
    await store.commit({
      changes: [
        { op: 'put', kind: 'secret', object: sampleSecret('s', plain.secret) },
        { op: 'put', kind: 'config', object: sampleConfig('c', plain.config) },
        { op: 'put', kind: 'cluster', object: sampleCluster('default', plain.caKey, plain.token) },
        { op: 'put', kind: 'credential', object: sampleCredential('a', plain.auth) },
        { op: 'put', kind: 'service', object: sampleService('visible-service') },
      ],
    });
    await store.close();
    const { kvs } = await fixture.client.range(new Keys(place.options.prefix).all);
    const all = kvs.map(({ value }) => value.toString('latin1')).join('\n');
    for (const text of Object.values(plain)) assert.ok(!all.includes(text), text);
    assert.ok(all.includes('visible-service'), 'the search itself must find what is not secret');

    const key = randomBytes(32);
    const other = { key, fingerprint: createHmac('sha256', key).update('other').digest('base64') };
    await assert.rejects(place.open({ dataKey: other }), refused(/another data key/, /Put the key file/));
    const again = await place.open();
    assert.equal(again.view.get('secret', 's')?.Spec.Data, plain.secret);
    assert.equal(again.view.get('cluster', 'default')?.internal.caKey, plain.caKey);
    await again.close();
  });

  test('that is damaged is told, with the key', async () => {
    const place = await fixture.place();
    const store = await place.open();
    const keys = new Keys(place.options.prefix);
    await store.commit({ changes: [{ op: 'put', kind: 'secret', object: sampleSecret('s', 'x') }] });
    await store.commit({ changes: [{ op: 'put', kind: 'secret', object: sampleSecret('other', 'y') }] });
    const { kvs } = await fixture.client.range({ key: keys.object('secret', 'other') });
    const value = kvs[0]!.value;
    const trouble = Promise.withResolvers<Error | undefined>();
    const follower = await place.open({ onTrouble: trouble.resolve });
    // One secret in the place of another.
    const swap = { key: keys.object('secret', 's'), value };
    await fixture.client.txn({ compare: [], success: [{ request_put: swap }], failure: [] });
    await assert.rejects(place.open(), refused(/object\/secret\/s cannot be read/, /backup/));
    assert.match(String(await trouble.promise), /object\/secret\/s cannot be read/);
    await assert.rejects(follower.commit({ changes: [] }), /cannot be read/);
    await follower.close();
    await store.close();
  });

  test('of many objects is read in pages, as it was at one revision', async () => {
    const place = await fixture.place();
    const store = await place.open();
    for (let round = 0; round < 3; round++) {
      const services = Array.from({ length: 900 }, (_, index) =>
        sampleService(`s${index % 7}-${round}-${index}`),
      );
      await store.commit({ changes: services.map((object) => ({ op: 'put', kind: 'service', object })) });
    }
    const expected = [...store.view.all('service')].map(({ ID }) => ID);
    assert.equal(expected.length, 2700);
    const opening = place.open();
    const { view } = store;
    await store.commit({
      changes: [{ op: 'put', kind: 'service', object: view.get('service', expected[5]!)! }],
    });
    const again = await opening;
    assert.deepEqual(
      [...again.view.all('service')].map(({ ID }) => ID),
      expected,
    );
    await again.close();
    await store.close();
  });
});
