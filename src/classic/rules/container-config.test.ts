import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ApiError } from '../../model/errors.ts';
import { askOf, consolidated, cpuShares, cpusOf, expressions, isRescheduled } from './container-config.ts';

const CONSTRAINTS = 'com.docker.swarm.constraints';
const POLICIES = 'com.docker.swarm.reschedule-policies';

describe('wishes of a container', () => {
  test('leave its environment for its labels, behind those that are there', () => {
    const body = consolidated({
      Image: 'busybox',
      Env: ['A=b', 'constraint:storage==ssd', 'affinity:container==db', 'constraint:node!=c1'],
      Labels: { [CONSTRAINTS]: '["region==eu"]', own: 'x' },
    });
    assert.deepEqual(body.Env, ['A=b']);
    assert.deepEqual(body.Labels, {
      own: 'x',
      [CONSTRAINTS]: '["region==eu","storage==ssd","node!=c1"]',
      'com.docker.swarm.affinities': '["container==db"]',
    });
  });

  test('are as they came where there are none', () => {
    const body = { Image: 'busybox', Env: ['A=b'] };
    assert.equal(consolidated(body), body);
  });

  test('in a label that is no array of texts are refused, by its name', () => {
    for (const label of ['storage==ssd', '{"a":1}', '[1]']) {
      assert.throws(
        () => consolidated({ Labels: { [CONSTRAINTS]: label } }),
        (error: ApiError) => error.status === 400 && error.message.includes(CONSTRAINTS),
      );
    }
  });

  test('are read as they are meant where a shell has left a backslash before an exclamation mark', () => {
    assert.deepEqual(expressions({ [CONSTRAINTS]: '["node\\!=c1"]' }, 'constraint'), ['node!=c1']);
  });

  test('about rescheduling are one of two words, once', () => {
    const policy = (...policies: string[]): string => JSON.stringify(policies);
    assert.throws(
      () => consolidated({ Env: ['reschedule:maybe'] }),
      new ApiError(400, 'invalid reschedule policy: maybe'),
    );
    assert.throws(
      () => consolidated({ Env: ['reschedule:off', 'reschedule:on-node-failure'] }),
      new ApiError(400, 'too many reschedule policies'),
    );
    assert.equal(isRescheduled({ [POLICIES]: policy('on-node-failure') }), true);
    assert.equal(isRescheduled({ [POLICIES]: policy('off') }), false);
    assert.equal(isRescheduled({ [POLICIES]: 'nonsense' }), false);
    assert.deepEqual(expressions({ [POLICIES]: policy('off') }, 'reschedule'), ['off']);
  });

  test('for its host are read from wherever clients write them', () => {
    const ask = askOf('web', {
      Image: 'whoami',
      ExposedPorts: { '80/tcp': {} },
      HostConfig: {
        Memory: 1024,
        CpuShares: 1,
        NetworkMode: 'container:db',
        PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }, { HostPort: '' }], '81/udp': null },
        VolumesFrom: ['data:ro'],
        Links: ['db:db'],
        Binds: ['site:/srv', '/etc:/etc'],
        Mounts: [
          { Type: 'volume', Source: 'logs', Target: '/logs' },
          { Type: 'bind', Source: '/a', Target: '/a' },
        ],
      },
    });
    assert.deepEqual(ask.ports, [{ ip: '', port: 8080 }]);
    assert.deepEqual(ask.volumes, ['site', 'logs']);
    assert.deepEqual([ask.memory, ask.cpus, ask.networkMode], [1024, 1, 'container:db']);
    assert.deepEqual([ask.volumesFrom, ask.links, ask.exposed], [['data:ro'], ['db:db'], ['80/tcp']]);
  });

  test('for processors become shares of the host, from which they are read back', () => {
    assert.equal(cpuShares(1, 2), 512);
    for (const all of [1, 2, 3, 6, 7, 64, 96]) {
      for (let cpus = 1; cpus <= all; cpus++) assert.equal(cpusOf(cpuShares(cpus, all), all), cpus);
    }
  });
});
