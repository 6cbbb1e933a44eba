import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ApiError } from '../model/errors.ts';
import { findContainer, mustFind, onHealthyHost } from './lookup.ts';
import { SWARM_ID } from './rules/container-config.ts';
import { host, record } from './testing/hosts.ts';

const swarmId = 'f'.repeat(64);
const ids = { a: `aa1${'0'.repeat(61)}`, b: `aa2${'0'.repeat(61)}`, c: `cc${'0'.repeat(62)}` };
const hosts = [
  host('n1', [record(ids.a, 'web', { labels: { [SWARM_ID]: swarmId } }), record(ids.b, 'same')]),
  host('n2', [record(ids.c, 'same')]),
];

describe('a container is found', () => {
  for (const [by, reference, id] of [
    ['full id', ids.a, ids.a],
    ['short id', ids.a.slice(0, 12), ids.a],
    ['swarm id', swarmId, ids.a],
    ['short swarm id', swarmId.slice(0, 12), ids.a],
    ['name', 'web', ids.a],
    ['name with a slash', '/web', ids.a],
    ['node and name', 'n1/web', ids.a],
    ['the id of its engine and name', 'N1/web', ids.a],
    ['node and a name that two have', 'n2/same', ids.c],
    ['the beginning of an id', 'aa1', ids.a],
    ['the beginning of a swarm id', 'ff', ids.a],
    ['a name that two have', 'same', undefined],
    ['a beginning that two have', 'aa', undefined],
    ['a name on another node', 'n2/web', undefined],
    ['nothing', '', undefined],
  ] as const) {
    test(`by ${by}${id ? '' : ': none'}`, () => {
      assert.equal(findContainer(hosts, reference)?.container.id, id);
    });
  }

  test('or missed in the words of the route', () => {
    assert.throws(() => mustFind(hosts, 'x'), new ApiError(404, 'No such container x'));
    assert.throws(() => mustFind(hosts, 'x', 'proxied'), new ApiError(404, 'No such container: x'));
    assert.throws(() => mustFind(hosts, 'x', 'removal'), new ApiError(404, 'Container x not found'));
  });

  test('on a host that does not answer', () => {
    const lost = [host('n1', [record(ids.a, 'web')], { status: 'Unhealthy' })];
    assert.throws(
      () => onHealthyHost(mustFind(lost, 'web'), 'web'),
      new ApiError(500, 'Container web running on unhealthy node n1'),
    );
  });
});
