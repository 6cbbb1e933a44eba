/** What containers use: kept on a grid of time, read from the kernel's files. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Ring, summed } from './ring.ts';
import { Series, type Usage } from './series.ts';
import { countersOf, foldersOf, hostUsage, trafficIn, usageAt } from './usage.ts';

const sample = (cpu: number) => ({ cpu, memory: 1, received: 0, sent: 0, read: 0, written: 0 });
const usage = (cpu: number, received = 0): Usage => ({
  ...{ cpu, memory: 1_000, received, sent: 0, read: 0, written: 0 },
});

describe('a ring', () => {
  test('keeps the last points, and tells nothing of gaps', () => {
    const ring = new Ring(60, 10);
    assert.deepEqual(ring.since(0), []);
    for (const at of [0, 10, 40]) ring.put(at, sample(at));
    assert.deepEqual(
      ring.since(0).map(([at, cpu]) => [at, cpu]),
      [
        [0, 0],
        [10, 10],
        [40, 40],
      ],
    );
    assert.deepEqual(
      ring.since(11).map(([at]) => at),
      [40],
    );
    ring.put(600, sample(1));
    // What is 60 points back has made room; 10 and 40 are still among the last sixty.
    assert.deepEqual(
      ring.since(0).map(([at]) => at),
      [10, 40, 600],
    );
    ring.put(2_000, sample(2));
    assert.deepEqual(
      ring.since(0).map(([at]) => at),
      [2_000],
    );
    ring.put(1_000, sample(3));
    assert.deepEqual(
      ring.since(0).map(([at]) => at),
      [2_000],
      'the past is left as it is',
    );
  });

  test('takes memory as it is used', () => {
    const ring = new Ring(1_440, 60_000);
    assert.equal(ring.size, 0);
    ring.put(1_700_000_000_000, sample(1));
    assert.equal(ring.size, 60 * 6 * 4);
  });

  test('points of several are added up, time by time', () => {
    assert.deepEqual(
      summed([
        [
          [10, 1, 2],
          [20, 1, 2],
        ],
        [
          [20, 3, 4],
          [30, 5, 6],
        ],
      ]),
      [
        [10, 1, 2],
        [20, 4, 6],
        [30, 5, 6],
      ],
    );
    assert.deepEqual(summed([]), []);
  });
});

describe('a series', () => {
  test('tells rates, of counters that begin anew as well', () => {
    const series = new Series();
    series.note(1_000_000, usage(10, 0));
    assert.deepEqual(series.since(0, 'close'), []);
    series.note(1_010_003, usage(15, 1_000));
    series.note(1_010_500, usage(16, 9_000));
    series.note(1_019_999, usage(20, 2_000));
    series.note(1_030_000, usage(1, 3_000));
    const points = series
      .since(0, 'close')
      .map(([at, cpu, memory, received]) => [at, Number(cpu!.toFixed(2)), memory, Math.round(received!)]);
    assert.deepEqual(points, [
      [1_010_000, 0.5, 1_000, 100],
      [1_020_000, 0.5, 1_000, 100],
      [1_030_000, 0, 1_000, 100],
    ]);
  });

  test('tells means by the minute, once the minute is over', () => {
    const series = new Series();
    const begin = 1_700_000_040_000;
    for (let i = 0; i <= 12; i++) series.note(begin + i * 10_000, usage(i < 6 ? i * 5 : 30));
    const points = series.since(0, 'minute');
    assert.deepEqual(
      points.map(([at]) => at),
      [begin, begin + 60_000],
    );
    assert.ok(Math.abs(points[0]![1]! - 0.5) < 0.01, String(points[0]));
  });
});

describe('the kernel’s files', () => {
  test('folders of control groups, of both versions', () => {
    const old = '4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n2:blkio:/docker/abc\n1:name=systemd:/x\n';
    assert.deepEqual(foldersOf(old), {
      version: 1,
      cpu: '/sys/fs/cgroup/cpuacct/docker/abc',
      memory: '/sys/fs/cgroup/memory/docker/abc',
      io: '/sys/fs/cgroup/blkio/docker/abc',
    });
    const folder = '/sys/fs/cgroup/system.slice/docker-abc.scope';
    assert.deepEqual(foldersOf('0::/system.slice/docker-abc.scope\n'), {
      version: 2,
      ...{ cpu: folder, memory: folder, io: folder },
    });
  });

  test('what has gone over a network, the loopback left out', () => {
    const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
  eth0:    1000       9    0    0    0     0          0         0      200       2    0    0    0     0       0          0
 eth1: 5 1 0 0 0 0 0 0 7 1 0 0 0 0 0 0
`;
    assert.deepEqual(trafficIn(text), { received: 1_005, sent: 207 });
    assert.deepEqual(trafficIn(''), { received: 0, sent: 0 });
  });

  test('of a process of this machine, and of all of it', async () => {
    const own = await countersOf(process.pid);
    assert.equal(own.network, undefined, 'it has the host’s network');
    const { cpu, memory } = await usageAt(own);
    assert.ok(cpu > 0 && memory > 0, `${cpu} ${memory}`);
    const host = await hostUsage();
    assert.ok(host.cpu > 0 && host.memory > 1e6);
  });
});
