import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { nameOfImage, offersOf, saidOf, tagsOf } from '../model/registration.ts';
import { type HostEntry, instancesOf, type Port, type PublishedContainer } from './instances.ts';

const host: HostEntry = {
  ...{ id: 'h1', name: 'alpha', address: '10.0.0.1', labels: {} },
  ...{ status: 'passing', output: '' },
};
const tcp = (inside: number, outside: number, ip?: string): Port => ({
  ...{ inside, outside, protocol: 'tcp' },
  ...(ip === undefined ? {} : { ip }),
});
const container = (given: Partial<PublishedContainer>): PublishedContainer => ({
  ...{ id: 'c1', name: 'web_1', image: 'nginx:1.9', labels: {}, variables: [], ports: [tcp(80, 8080)] },
  ...{ status: 'passing', output: '' },
  ...given,
});
const only = (given: Partial<PublishedContainer>) => {
  const [instance, ...more] = instancesOf(host, [container(given)]);
  assert.equal(more.length, 0);
  return instance!;
};

describe("Registrator's conventions", () => {
  test('without a word: the name of the image, host:container:port', () => {
    const { id, service, address, port, tags, meta } = only({});
    assert.deepEqual(
      { id, service, address, port, tags, meta },
      {
        ...{ id: 'alpha:web_1:80', service: 'nginx', address: '10.0.0.1', port: 8080 },
        ...{ tags: [], meta: {} },
      },
    );
  });

  test("a task is called as its service, if it doesn't say otherwise", () => {
    assert.equal(only({ service: 'lb_web' }).service, 'lb_web');
    assert.equal(only({ service: 'lb_web', labels: { SERVICE_NAME: 'web' } }).service, 'web');
  });

  test('what is offered within a network: ports that are published, exposed or spoken of, else the address alone', () => {
    const offers = (labels: Record<string, string>, ...ports: number[]) =>
      offersOf({
        ...{ image: 'acme/web:1', variables: [], labels },
        ports: ports.map((port) => ({ port, protocol: 'tcp' as const })),
      }).map(({ service, port, tags }) => [service, port, tags.join()].join(' ').trim());
    assert.deepEqual(offers({}), ['web 0']);
    assert.deepEqual(offers({ SERVICE_NAME: 'site', SERVICE_TAGS: 'a' }, 80), ['site 80 a']);
    assert.deepEqual(offers({}, 443, 80), ['web-80 80', 'web-443 443']);
    assert.deepEqual(offers({ SERVICE_80_NAME: 'site' }), ['site 80']);
    assert.deepEqual(offers({ SERVICE_80_NAME: 'site', SERVICE_99999_NAME: 'x' }, 80), ['site 80']);
    assert.deepEqual(offers({ SERVICE_81_NAME: 'admin' }, 80), ['web-80 80', 'admin 81']);
    assert.deepEqual(offers({ SERVICE_80_IGNORE: '1' }, 80, 81), ['web-81 81']);
  });

  test('several ports: each its own name, unless one was said for it', () => {
    const ports = [tcp(443, 8443), tcp(80, 8080)];
    const names = (given: Partial<PublishedContainer>) =>
      instancesOf(host, [container({ ports, ...given })]).map(({ service }) => service);
    assert.deepEqual(names({}), ['nginx-80', 'nginx-443']);
    assert.deepEqual(names({ variables: ['SERVICE_NAME=site'] }), ['site-80', 'site-443']);
    const variables = ['SERVICE_80_NAME=http', 'SERVICE_443_NAME=https'];
    assert.deepEqual(names({ variables }), ['http', 'https']);
    assert.deepEqual(names({ variables: [...variables, 'SERVICE_443_IGNORE=yes'] }), ['http']);
    assert.deepEqual(names({ labels: { SERVICE_IGNORE: '1' } }), []);
  });

  test('tags, id and attributes; what labels say wins over variables, what is said of a port over what is said of all', () => {
    const variables = ['SERVICE_TAGS=a, b\\,c,,a', 'SERVICE_REGION=eu', 'SERVICE_ID=mine', 'PATH=/bin'];
    const labels = { SERVICE_80_TAGS: 'x', SERVICE_REGION: 'us', SERVICE_CHECK_HTTP: '/up', other: '1' };
    assert.deepEqual(only({ variables }).tags, ['a', 'b,c']);
    const { id, tags, meta } = only({ variables, labels });
    assert.equal(id, 'mine');
    assert.deepEqual(tags, ['x']);
    assert.deepEqual(meta, { region: 'us', check_http: '/up' });
  });

  test('until its health check says something an instance is what it says itself', () => {
    const status = (said: string, given: Partial<PublishedContainer>) =>
      only({ status: 'critical', labels: { SERVICE_80_CHECK_INITIAL_STATUS: said }, ...given }).status;
    assert.equal(status('passing', { isStarting: true }), 'passing');
    assert.equal(status('warning', { isStarting: true }), 'warning');
    assert.equal(status('fine', { isStarting: true }), 'critical');
    assert.equal(status('passing', {}), 'critical');
  });

  test('an id that is given to several is given to the first', () => {
    const two = ['a', 'b'].map((name) => container({ name, id: name, labels: { SERVICE_ID: 'one' } }));
    assert.deepEqual(
      instancesOf(host, two).map(({ id }) => id),
      ['one', 'alpha:b:80'],
    );
  });

  test('UDP is said by a tag and in the id', () => {
    const { id, tags } = only({ ports: [{ inside: 53, outside: 53, protocol: 'udp' }] });
    assert.equal(id, 'alpha:web_1:53:udp');
    assert.deepEqual(tags, ['udp']);
  });

  test('bound twice is published once; to one address: that one; to the host itself alone: not at all', () => {
    assert.equal(only({ ports: [tcp(80, 8080), tcp(80, 8080)] }).port, 8080);
    assert.equal(only({ ports: [tcp(80, 8080, '10.9.9.9')] }).address, '10.9.9.9');
    assert.deepEqual(instancesOf(host, [container({ ports: [tcp(80, 8080, '127.0.0.1')] })]), []);
  });

  test('images of registries with ports, digests and no tag', () => {
    assert.equal(nameOfImage('reg:5000/acme/web:2'), 'web');
    assert.equal(nameOfImage('acme/web@sha256:00ff'), 'web');
    assert.equal(nameOfImage('web'), 'web');
  });

  test('whatever is said, ids differ and every port is an instance or ignored', () => {
    const word = fc.stringMatching(/^[a-zA-Z0-9_,\\ -]{0,12}$/);
    const said = fc.dictionary(
      fc
        .oneof(word, fc.constantFrom('NAME', 'ID', 'TAGS', '80_NAME', '__proto__'))
        .map((k) => `SERVICE_${k}`),
      word,
      { maxKeys: 5 },
    );
    const ports = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 });
    const some = fc.array(fc.tuple(said, ports), { maxLength: 5 });
    fc.assert(
      fc.property(some, (all) => {
        const containers = all.map(([labels, inside], i) =>
          container({
            ...{ id: `${i}`, name: `c${i}`, labels },
            ports: inside.map((each) => tcp(each, 1000 * (i + 1) + each)),
          }),
        );
        const found = instancesOf(host, containers);
        assert.equal(new Set(found.map(({ id }) => id)).size, found.length);
        for (const { service } of found) assert.notEqual(service, '');
      }),
    );
    assert.deepEqual(tagsOf(undefined), []);
    assert.equal(saidOf(80, ['SERVICE_NAME'], {}).values.name, undefined);
  });
});
