import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergedSettings, unitEnvironment, unitFlags } from './engine-settings.ts';

test('what is there is kept, what is wanted is added once', () => {
  const there =
    '{"debug": true, "labels": ["storage=hdd", "zone=a"], "insecure-registries": ["10.0.0.1:5000"]}';
  const wanted = { labels: ['storage=ssd'], insecureRegistries: ['10.0.0.1:5000'] };
  const merged = mergedSettings(there, wanted);
  assert.deepEqual(JSON.parse(merged!), {
    debug: true,
    labels: ['zone=a', 'storage=ssd'],
    'insecure-registries': ['10.0.0.1:5000'],
  });
  assert.equal(mergedSettings(merged, wanted), undefined);
  assert.equal(mergedSettings(there, {}), undefined);
  assert.deepEqual(JSON.parse(mergedSettings(undefined, { registryMirrors: ['http://m'] })!), {
    'registry-mirrors': ['http://m'],
  });
  assert.throws(() => mergedSettings('{', wanted), /not JSON/);
});

test("flags and environment are words of systemd's", () => {
  assert.equal(
    unitFlags({ options: ['log-level=debug', 'log-opt=tag={{.Name}} %'] }),
    '--log-level=debug "--log-opt=tag={{.Name}} %%"',
  );
  assert.equal(
    unitEnvironment({ environment: ['HTTP_PROXY=http://u:$x@p:1/', 'A=say "b"'] }),
    '"HTTP_PROXY=http://u:$$x@p:1/" "A=say \\"b\\""',
  );
  assert.equal(unitFlags({}), '');
});
