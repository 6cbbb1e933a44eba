import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describe, type EngineInfo } from './describe.ts';

const info: EngineInfo = {
  Name: 'n1',
  Architecture: 'x86_64',
  OSType: 'linux',
  NCPU: 2,
  MemTotal: 4096,
  GenericResources: null,
  ServerVersion: '20.10.24',
  Labels: ['zone=a=b', 'bare', 'disk=ssd'],
  LoggingDriver: 'json-file',
  Plugins: { Volume: ['local'], Network: ['null', 'bridge', 'overlay'], Log: ['syslog', 'json-file'] },
};

test('an engine’s information becomes a node’s description', () => {
  assert.deepEqual(describe(info), {
    Hostname: 'n1',
    Platform: { Architecture: 'x86_64', OS: 'linux' },
    Resources: { NanoCPUs: 2e9, MemoryBytes: 4096 },
    Engine: {
      EngineVersion: '20.10.24',
      Labels: { bare: '', disk: 'ssd', zone: 'a=b' },
      Plugins: [
        { Type: 'Log', Name: 'json-file' },
        { Type: 'Log', Name: 'syslog' },
        { Type: 'Network', Name: 'bridge' },
        { Type: 'Network', Name: 'null' },
        { Type: 'Network', Name: 'overlay' },
        { Type: 'Volume', Name: 'local' },
      ],
    },
  });
});

test('a node is the same whether its engine has used the driver of overlays yet or not', () => {
  const used = { ...info.Plugins, Network: [...info.Plugins.Network!, 'essaim'] };
  assert.deepEqual(describe({ ...info, Plugins: used }), describe(info));
});

test('the order of labels does not matter, and generic resources are passed on', () => {
  const GenericResources = [{ DiscreteResourceSpec: { Kind: 'gpu', Value: 2 } }];
  const a = describe({ ...info, GenericResources });
  const b = describe({ ...info, GenericResources, Labels: [...info.Labels!].reverse() });
  assert.equal(JSON.stringify(a), JSON.stringify(b));
  assert.deepEqual(a.Resources.GenericResources, GenericResources);
});

test('enabled plugins of the engine count, disabled ones do not', () => {
  const Config = { Interface: { Types: ['docker.volumedriver/1.0', 'docker.authz/1.0'] } };
  const list = describe(info, [
    { Name: 'nfs:latest', Enabled: true, Config },
    { Name: 'off:latest', Enabled: false, Config },
  ]).Engine.Plugins;
  assert.ok(list.some((p) => p.Type === 'Volume' && p.Name === 'nfs:latest'));
  assert.ok(!list.some((p) => p.Name === 'off:latest' || p.Type === 'Authz'));
});
