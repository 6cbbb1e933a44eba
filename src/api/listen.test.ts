/** Where the API is served: its unix socket's owner and mode, stale and live sockets, mutual TLS. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect as tlsConnect } from 'node:tls';
import { promisify } from 'node:util';
import { startApi, type TestApi } from '../../test/support/api.ts';
import { startEngine, type TestEngine } from '../../test/support/engine.ts';
import { unixEngine } from '../engine/client.ts';

const run = promisify(execFile);

let directory: string;
let engine: TestEngine;
let api: TestApi;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'essaim-listen-'));
  engine = await startEngine();
  api = await startApi(engine.client);
});
after(async () => {
  await api[Symbol.asyncDispose]();
  await engine.remove();
  await rm(directory, { recursive: true });
});

test('the socket is for root and the group docker', async () => {
  const { mode, uid, gid } = await stat(api.socket);
  assert.equal(mode & 0o777, 0o660);
  assert.equal(uid, process.getuid!());
  const group = (await readFile('/etc/group', 'utf8')).match(/^docker:[^:]*:(\d+)/m)?.[1];
  assert.equal(gid, group === undefined ? process.getgid!() : Number(group));
});

test('a socket that is left over is replaced, one that is served is not, another file is kept', async () => {
  await assert.rejects(api.server.listenUnix(api.socket), /is served by another daemon/);
  const file = join(directory, 'file');
  await writeFile(file, 'precious');
  await assert.rejects(api.server.listenUnix(file), /is not a socket/);
  assert.equal(await readFile(file, 'utf8'), 'precious');

  const left = join(directory, 'left.sock');
  const script = `require('net').createServer().listen(${JSON.stringify(left)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await assert.rejects(run(process.execPath, ['-e', script]));
  assert.ok((await stat(left)).isSocket());
  await api.server.listenUnix(left);
  await unixEngine(left).ping();
});

test('closing ends every connection and removes the socket', async () => {
  const other = await startApi(engine.client);
  const client = unixEngine(other.socket);
  const events = await client.stream('GET', '/events');
  const ended = new Promise((resolve) => events.once('close', resolve));
  events.on('error', () => undefined);
  events.resume();
  const idle = connect(other.socket);
  const idleEnded = new Promise((resolve) => idle.once('close', resolve));
  await new Promise((resolve) => idle.once('connect', resolve));
  other.server.close();
  await Promise.all([ended, idleEnded]);
  await assert.rejects(stat(other.socket), { code: 'ENOENT' });
  await other[Symbol.asyncDispose]();
});

test('TCP is served to clients with a certificate of the CA only', async () => {
  const sh = (script: string) => run('sh', ['-ec', script], { cwd: directory });
  await sh(`
    openssl ecparam -name prime256v1 -genkey -noout -out ca-key.pem
    openssl req -x509 -new -key ca-key.pem -subj /CN=ca -days 2 -out ca.pem
    openssl req -x509 -new -key ca-key.pem -subj /CN=other -days 2 -out other-ca.pem
    for name in server client; do
      openssl ecparam -name prime256v1 -genkey -noout -out $name-key.pem
      openssl req -new -key $name-key.pem -subj /CN=$name -out $name.csr
      printf 'subjectAltName=IP:127.0.0.1\\nextendedKeyUsage=serverAuth,clientAuth\\n' > ext
      openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 -extfile ext -out $name.pem
    done
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout stranger-key.pem -subj /CN=stranger -days 2 -out stranger.pem
  `);
  const pem = (name: string) => readFile(join(directory, name), 'utf8');
  const [ca, cert, key] = await Promise.all([pem('ca.pem'), pem('server.pem'), pem('server-key.pem')]);
  const port = await api.server.listenTls('127.0.0.1', 0, { ca, cert, key });
  const tls = (name: string) => [
    ...['-H', `tcp://127.0.0.1:${port}`, '--tlsverify', '--tlscacert', join(directory, 'ca.pem')],
    ...['--tlscert', join(directory, `${name}.pem`), '--tlskey', join(directory, `${name}-key.pem`)],
  ];
  for (const docker of ['docker', '/usr/bin/docker']) {
    const child = execFile(docker, [
      ...tls('client'),
      'run',
      '--rm',
      '-i',
      'busybox',
      'sh',
      '-c',
      'cat; sleep 0.3; echo late',
    ]);
    let output = '';
    child.stdout!.on('data', (text: string) => {
      output += text;
    });
    child.stdin!.end('early\n');
    await new Promise((resolve) => child.once('close', resolve));
    assert.equal(output, 'early\nlate\n', docker);
  }
  await assert.rejects(
    run('docker', [...tls('stranger'), 'ps']),
    /unknown certificate|bad certificate|unknown ca|certificate required|connection reset/i,
  );
  const anonymous = tlsConnect({ host: '127.0.0.1', port, ca });
  let answer = '';
  anonymous.on('data', (chunk: Buffer) => {
    answer += chunk.toString();
  });
  anonymous.on('error', () => undefined);
  anonymous.write('GET /info HTTP/1.1\r\nHost: d\r\n\r\n');
  await new Promise((resolve) => anonymous.once('close', resolve));
  assert.equal(answer, '');
  // Something that is not TLS at all does no harm.
  const plain = connect(port, '127.0.0.1');
  plain.on('error', () => undefined);
  plain.write('GET /info HTTP/1.1\r\nHost: d\r\n\r\n');
  await new Promise((resolve) => plain.once('close', resolve));
  await run('docker', [...tls('client'), 'ps']);
});

test('an address that is taken is an error, not a crash', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as { port: number };
  await assert.rejects(api.server.listenTls('127.0.0.1', port, { ca: '', cert: '', key: '' }), {
    code: 'EADDRINUSE',
  });
  taken.close();
});
