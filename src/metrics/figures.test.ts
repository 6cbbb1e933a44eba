import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counter, formatFor, Histogram, textOf } from './figures.ts';

test('both formats', () => {
  const counter = new Counter();
  counter.add({ route: '/a "b"\\\n' });
  counter.add({ route: '/a "b"\\\n' }, 2);
  const families = [{ name: 'x', help: 'What x is.', type: 'counter' as const, samples: counter.samples() }];
  const sample = 'x_total{route="/a \\"b\\"\\\\\\n"} 3\n';
  assert.equal(textOf(families, 'text'), `# HELP x_total What x is.\n# TYPE x_total counter\n${sample}`);
  assert.equal(textOf(families, 'openmetrics'), `# HELP x What x is.\n# TYPE x counter\n${sample}# EOF\n`);
  assert.equal(formatFor('application/openmetrics-text;version=1.0.0,text/plain;q=0.5'), 'openmetrics');
  assert.equal(formatFor(undefined), 'text');
});

test('a histogram counts what is at most each bound', () => {
  const histogram = new Histogram({ by: 'x' });
  for (const seconds of [0.001, 0.3, 100]) histogram.observe(seconds);
  const samples = histogram.samples();
  const at = (le: string) => samples.find(({ labels }) => labels?.le === le)?.value;
  assert.deepEqual(['0.001', '0.25', '0.5', '10.0', '+Inf'].map(at), [1, 1, 2, 2, 3]);
  assert.deepEqual(
    samples.slice(-2).map(({ suffix, value }) => [suffix, value]),
    [
      ['_sum', 100.301],
      ['_count', 3],
    ],
  );
});

test('there are never more combinations than it says', () => {
  const counter = new Counter(2, { route: 'other' });
  for (const route of ['a', 'b', 'c', 'd', 'a']) counter.add({ route });
  assert.deepEqual(
    counter.samples().map(({ labels, value }) => `${labels?.route} ${value}`),
    ['a 2', 'b 1', 'other 2'],
  );
});
