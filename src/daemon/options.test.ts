import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseOptions, UsageError } from './options.ts';

const tls = ['--tlscacert', 'ca', '--tlscert', 'cert', '--tlskey', 'key'];

test('defaults and all options', () => {
  assert.deepEqual(parseOptions([]), {
    data: '/var/lib/essaim/daemon',
    engine: '/var/run/docker.sock',
    socket: '/run/essaim/docker.sock',
    hosts: [],
    clusterHosts: [],
    registryHosts: [],
    tokenHosts: [],
    clusterStrategy: 'spread',
    registryDnsPort: 8600,
    metricsHosts: [],
    tls: undefined,
    logLevel: 'info',
    ui: { host: '', port: 9443, names: [], certificate: undefined },
  });
  const all = parseOptions(['--data', 'd', '--engine', 'unix:///e', '--host', 'tcp://[::1]:2376', ...tls]);
  assert.ok(all !== 'help');
  assert.equal(all.engine, '/e');
  assert.deepEqual(all.hosts, [{ host: '::1', port: 2376 }]);
  assert.deepEqual(all.tls, { ca: 'ca', cert: 'cert', key: 'key' });
  const backups = parseOptions([
    '--backup-every',
    '6h',
    '--backup-keep',
    '3',
    '--backup-passphrase-file',
    'p',
  ]);
  assert.ok(backups !== 'help');
  assert.deepEqual(backups.backup, {
    folder: '/var/lib/essaim/backups',
    every: 6 * 3_600_000,
    keep: 3,
    passphraseFile: 'p',
  });
});

test('the web interface is where it is said, or nowhere', () => {
  const ui = (...argv: string[]) => {
    const options = parseOptions(argv);
    return options === 'help' ? undefined : options.ui;
  };
  assert.equal(ui('--ui-off'), undefined);
  assert.equal(ui('--ui-host', '10.0.0.1')?.host, '10.0.0.1');
  assert.deepEqual(
    ui('--ui-host', '[fd00::1]:443', '--ui-name', 'swarm.example', '--ui-cert', 'c', '--ui-key', 'k'),
    { host: 'fd00::1', port: 443, names: ['swarm.example'], certificate: { cert: 'c', key: 'k' } },
  );
  assert.equal(ui('--ui-host', ':8443')?.port, 8443);
});

const registry = ['--registry-host', 'tcp://0.0.0.0:8500'];
const refusals: Array<[string[], RegExp]> = [
  [['--host', 'tcp://0.0.0.0:2376'], /--host serves only with mutual TLS/],
  [['--cluster-strategy', 'best'], /takes one of spread, binpack, random, not best/],
  [['--discovery', 'token://t'], /--discovery URL and --discovery-advertise ADDRESS:PORT/],
  [['--cluster-host', 'tcp://0.0.0.0:3376'], /--cluster-host likewise/],
  [['--cluster-host', '0.0.0.0:3376', ...tls], /--cluster-host takes tcp:/],
  [['--registry-host', '0.0.0.0:8500'], /--registry-host takes tcp:\/\/ADDRESS:PORT, not 0\.0\.0\.0:8500/],
  [['--registry-host', 'tcp://0.0.0.0:0'], /--registry-host takes/],
  [['--registry-dns-port', '8600'], /--registry-dns-port is for the registry: give --registry-host as well/],
  [
    [...registry, '--registry-dns-port', '70000'],
    /--registry-dns-port takes a port from 0 to 65535, not 70000/,
  ],
  [['--metrics-host', 'all'], /--metrics-host takes tcp:\/\/ADDRESS:PORT, not all/],
  [[...registry, '--registry-dns-port', 'dns'], /--registry-dns-port takes a port/],
  [['--tlscert', 'x'], /all three/],
  [['--host', 'unix:///x', ...tls], /--host takes tcp:/],
  [['--host', 'tcp://1.2.3.4:70000', ...tls], /--host takes tcp:/],
  [['--log-level', 'loud'], /--log-level takes one of/],
  [['--ui-host', '1.2.3.4:70000'], /--ui-host takes ADDRESS/],
  [['--ui-cert', 'c'], /--ui-cert and --ui-key belong together/],
  [['--backup-every', 'often'], /--backup-every takes a time like 30m, 6h or 1d, not often/],
  [['--backup-every', '0h'], /--backup-every takes a time/],
  [['--backup-every', '1h', '--backup-keep', '0'], /--backup-keep takes a number from 1/],
  [['--backup-keep', '3'], /--backup-keep is for backups by the clock: give --backup-every as well/],
  [['--backup-passphrase-file', 'FILE'], /give --backup-every as well/],
  [['--nonsense'], /^Unknown option '--nonsense'.*--help/],
];
for (const [argv, message] of refusals) {
  test(`refused: ${argv.join(' ')}`, () => {
    assert.throws(
      () => parseOptions(argv),
      (e: Error) => e instanceof UsageError && message.test(e.message),
    );
  });
}
