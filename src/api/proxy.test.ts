/** What is passed to the engine, on a real one, asked as clients ask: over raw sockets and with the docker CLI. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startApi, type TestApi } from '../../test/support/api.ts';
import { startEngine, type TestEngine } from '../../test/support/engine.ts';
import { type EngineClient, readAll, unixEngine } from '../engine/client.ts';

const run = promisify(execFile);
const MB = 1024 * 1024;

let engine: TestEngine;
let api: TestApi;
/** Of the API, not of the engine behind it. */
let client: EngineClient;
before(async () => {
  engine = await startEngine();
  api = await startApi(engine.client);
  client = unixEngine(api.socket);
});
after(async () => {
  client.close();
  await api[Symbol.asyncDispose]();
  await engine.remove();
});

async function start(Cmd: string[], more: object = {}): Promise<string> {
  const body = { Image: 'busybox', Cmd, ...more };
  const { Id } = await client.json<{ Id: string }>('POST', '/containers/create', { body });
  await client.json('POST', `/containers/${Id}/start`);
  return Id;
}

async function remove(id: string): Promise<void> {
  await client.json('DELETE', `/containers/${id}`, { query: { force: 1 } });
}

/** Sends bytes as they are; collects the answer until the connection closes or `until` has been seen. */
function raw(text: string | Buffer, until?: string): Promise<string> {
  const socket = connect(api.socket);
  let answer = '';
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString('latin1');
    if (until !== undefined && answer.includes(until)) socket.destroy();
  });
  // A server that has answered need not read the rest of what is written.
  socket.on('error', () => undefined);
  socket.write(text);
  return new Promise((resolve) => socket.once('close', () => resolve(answer)));
}

/** Resolves once `condition` holds; its turns are paced by the event loop. */
async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, 'it does not come to hold');
    await delay(10);
  }
}

test('the headers of Docker are on every answer', async () => {
  for (const path of ['/_ping', '/containers/nope/json', '/services/nope', '/info', '/nope']) {
    const { headers, body } = await client.request('GET', path);
    body.resume();
    assert.equal(headers['api-version'], (await engine.client.version()).ApiVersion, path);
    assert.equal(headers.ostype, 'linux', path);
    assert.match(String(headers.server), /^Docker\//, path);
    assert.equal(headers['docker-experimental'], 'false', path);
  }
  const head = await raw('HEAD /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n');
  assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(head, /Swarm: inactive\r\n/);
  assert.match(head, /Content-Length: 0\r\n/);
  assert.match(head, /Content-Type: text\/plain; charset=utf-8\r\n/);
});

test('versions: with, without, too new, too old', async () => {
  const get = (path: string) => raw(`GET ${path} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n`);
  const { ApiVersion, MinAPIVersion } = await engine.client.version();
  for (const path of ['/containers/json', '/info', '/swarm']) {
    assert.match(
      await get(`/v1.99${path}`),
      new RegExp(
        `400 Bad.*"client version 1.99 is too new. Maximum supported API version is ${ApiVersion}"`,
        's',
      ),
    );
    assert.match(
      await get(`/v1.1${path}`),
      new RegExp(
        `400 Bad.*"client version 1.1 is too old. Minimum supported API version is ${MinAPIVersion}`,
        's',
      ),
    );
  }
  assert.match(await get('/containers/json'), /^HTTP\/1.1 200/);
  assert.match(await get(`/v${ApiVersion}/containers/json`), /^HTTP\/1.1 200/);
});

test('paths of the swarm never reach the engine, however they are spelled', async () => {
  const body = '{"ListenAddr":"127.0.0.1"}';
  for (const path of [
    '/swarm/init',
    '/%73warm/init',
    '/v1.41/swarm%2finit',
    '/v1.30/swarm/init',
    '/%76%31.41/swarm/init',
  ]) {
    const answer = await raw(
      `POST ${path} HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    );
    assert.match(answer, /404 Not Found.*{"message":"page not found"}/s, path);
  }
  const info = await engine.client.json<{ Swarm: { LocalNodeState: string } }>('GET', '/info');
  assert.equal(info.Swarm.LocalNodeState, 'inactive');
});

test('paths that are not canonical, malformed requests', async () => {
  assert.match(
    await raw('GET /v1.41/x/../_ping?a=1 HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n'),
    /^HTTP\/1.1 301 .*Location: \/v1.41\/_ping\?a=1\r\n/s,
  );
  assert.match(await raw('GET /%zz HTTP/1.1\r\nHost: d\r\n\r\n'), /^HTTP\/1.1 400 .*400 Bad Request$/s);
  assert.match(await raw('nonsense\r\n\r\n'), /^HTTP\/1.1 400 .*400 Bad Request$/s);
  const long = `GET /_ping HTTP/1.1\r\nHost: d\r\nX: ${'x'.repeat(2 * MB)}\r\n\r\n`;
  assert.match(await raw(long), /^HTTP\/1.1 431 /);
});

test('run with input: its end reaches the container, output after it comes back', async () => {
  for (const docker of ['docker', '/usr/bin/docker']) {
    const child = execFile(docker, [
      '-H',
      `unix://${api.socket}`,
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
    await once(child, 'close');
    assert.equal(output, 'early\nlate\n', docker);
  }
});

test('exec with a terminal', async () => {
  const id = await start(['sleep', '100'], { Tty: true });
  const exec = await client.json<{ Id: string }>('POST', `/containers/${id}/exec`, {
    body: { AttachStdin: true, AttachStdout: true, Tty: true, Cmd: ['sh'] },
  });
  const { stream } = await client.hijack('POST', `/exec/${exec.Id}/start`, {
    body: { Detach: false, Tty: true },
  });
  stream.write('tty; exit\n');
  assert.match((await readAll(stream)).toString(), /\/dev\/pts\/\d/);
  await remove(id);
});

test('attach of clients that do not ask for an upgrade', async () => {
  const id = await start(['sh', '-c', 'while :; do echo tick; sleep 0.1; done'], { Tty: true });
  const answer = await raw(
    `POST /v1.41/containers/${id}/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n`,
    'tick\r\ntick',
  );
  assert.match(answer, /^HTTP\/1.1 200 OK\r\n/);
  assert.match(answer, /\r\n\r\ntick\r\ntick/, 'the output is as it is, not in chunks');
  await remove(id);
});

test('input of clients that do not ask for an upgrade', async () => {
  const id = await start(['sh', '-c', 'read x; echo got $x; cat'], { OpenStdin: true, StdinOnce: true });
  const exec = await client.json<{ Id: string }>('POST', `/containers/${id}/exec`, {
    body: { AttachStdin: true, AttachStdout: true, Cmd: ['sh', '-c', 'read x; echo got $x; cat'] },
  });
  for (const [path, body] of [
    [`/exec/${exec.Id}/start`, '{"stdin":true}'],
    [`/containers/${id}/attach?stream=1&stdin=1&stdout=1`, '{}'],
  ]) {
    const socket = connect(api.socket);
    // A connection that has been used before.
    socket.write('GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n');
    await once(socket, 'data');
    let answer = '';
    socket.on('data', (data: Buffer) => {
      answer += data.toString('latin1');
    });
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: ${body!.length}\r\n\r\n${body}`,
    );
    await eventually(() => answer.includes('\r\n\r\n'));
    assert.match(answer, /^HTTP\/1.1 200 OK\r\nContent-Type: application\/vnd.docker.raw-stream\r\n/);
    socket.write('GET it\n');
    await eventually(() => answer.includes('got GET it\n'));
    socket.end('more\n');
    await once(socket, 'end');
    assert.match(answer, /more\n$/);
  }
  await remove(id);
  const answer = await raw(
    'POST /containers/nope/attach?stdin=1 HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n',
  );
  assert.match(answer, /^HTTP\/1.1 404 .*No such container: nope/s);
});

test('an upgrade that only the header `Upgrade` asks for', async () => {
  const post = (path: string, upgrade: string, until?: string) =>
    raw(
      `POST ${path} HTTP/1.1\r\nHost: d\r\nX-Docker-Expose-Session-Uuid: ${upgrade}\r\nUpgrade: ${upgrade}\r\nContent-Length: 0\r\n\r\n`,
      until,
    );
  assert.match(await post('/session', 'h2c', '\r\n\r\n'), /^HTTP\/1.1 101 Switching Protocols\r\n/);
  assert.match(await post('/session', 'foo'), /^HTTP\/1.1 400 .*protocol foo not supported/s);
  const id = await start(['sh', '-c', 'while :; do echo tick; sleep 0.1; done'], { Tty: true });
  const attached = await post(`/containers/${id}/attach?stream=1&stdout=1`, 'tcp', 'tick');
  assert.match(attached, /^HTTP\/1.1 101 UPGRADED\r\n.*\r\n\r\ntick/s);
  await remove(id);
});

test('an upgrade that the engine refuses leaves no way past us to the engine', async () => {
  const answer = await raw(
    'POST /containers/nope/attach?stream=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n' +
      'GET /swarm HTTP/1.1\r\nHost: d\r\n\r\n',
  );
  assert.match(answer, /404 Not Found/);
  assert.equal(answer.match(/HTTP\/1\./g)?.length, 1);
});

test('an upgrade of one of our own paths is an ordinary request', async () => {
  const answer = await raw(
    'GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n',
  );
  assert.match(answer, /^HTTP\/1.1 200 OK.*OK$/s);
});

test('copies, images and builds pass whole', async () => {
  const id = await start(['sleep', '100']);
  const { stdout: tar } = await run(
    'sh',
    ['-c', 'd=$(mktemp -d); head -c 31457280 /dev/urandom >$d/big; tar -C $d -c big | base64 -w0; rm -r $d'],
    {
      maxBuffer: 60 * MB,
    },
  );
  const archive = Buffer.from(tar, 'base64');
  await client.json('PUT', `/containers/${id}/archive`, {
    query: { path: '/' },
    headers: { 'content-type': 'application/x-tar' },
    body: Readable.from(chunksOf(archive)),
  });
  const back = await readAll(
    await client.stream('GET', `/containers/${id}/archive`, { query: { path: '/big' } }),
  );
  assert.ok(back.includes(archive.subarray(512, 512 + 30 * MB)), 'the file came back as it was sent');
  const saved = await readAll(await client.stream('GET', '/images/busybox/get'));
  const loaded = await client.stream('POST', '/images/load', {
    headers: { 'content-type': 'application/x-tar' },
    body: saved,
  });
  assert.match((await readAll(loaded)).toString(), /Loaded image: busybox:latest/);
  const { stdout } = await run(
    'sh',
    [
      '-c',
      `d=$(mktemp -d); printf 'FROM busybox\\nCOPY f /f\\nRUN cat /f\\n' >$d/Dockerfile; echo content >$d/f; docker -H unix://${api.socket} build -t built $d; rm -r $d`,
    ],
    { env: { ...process.env, DOCKER_BUILDKIT: '0' } },
  );
  assert.match(stdout, /content.*Successfully tagged built:latest/s);
  const buildkit = await run(
    'sh',
    [
      '-c',
      `d=$(mktemp -d); printf 'FROM busybox\\nCOPY f /f\\nRUN cat /f\\n' >$d/Dockerfile; echo content >$d/f; /usr/bin/docker -H unix://${api.socket} build --no-cache --progress plain -t built2 $d 2>&1; rm -r $d`,
    ],
    { env: { ...process.env, DOCKER_BUILDKIT: '1' } },
  );
  assert.match(buildkit.stdout, /naming to docker.io\/library\/built2/);
  await remove(id);
});

for (const kind of ['volumes', 'networks'])
  test(`100-continue for ${kind}: the body is asked for`, async () => {
    const body = '{"Name":"continued"}';
    const socket = connect(api.socket);
    socket.write(
      `POST /v1.41/${kind}/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`,
    );
    const [first] = (await once(socket, 'data')) as [Buffer];
    assert.match(first.toString(), /^HTTP\/1.1 100 Continue/);
    socket.write(body);
    assert.match((await readAll(socket)).toString(), /^HTTP\/1.1 201 Created/);
  });

test('an upload that the engine refuses early gets the engine’s answer', async () => {
  const response = await client.request('POST', '/images/load', {
    headers: { 'content-type': 'application/x-tar' },
    body: Readable.from(chunksOf(Buffer.alloc(64 * MB, 'x'))),
  });
  const text = (await readAll(response.body)).toString();
  assert.match(text, /invalid tar header|unrecognized|archive|unexpected EOF/i);
});

test('log lines come at once, and a client that leaves ends the request on the engine', async () => {
  const id = await start(['sh', '-c', 'echo first; sleep 0.5; echo second; sleep 100']);
  const requests = await goroutines();
  const logs = await client.stream('GET', `/containers/${id}/logs`, { query: { follow: 1, stdout: 1 } });
  logs.on('error', () => undefined);
  const [line] = (await once(logs, 'data')) as [Buffer];
  assert.match(line.toString(), /first\n$/);
  await eventually(async () => (await goroutines()) > requests);
  logs.destroy();
  await eventually(async () => (await goroutines()) <= requests);
  await remove(id);
});

test('a reader that is slow slows the writer down instead of filling memory', async () => {
  const id = await start(['yes', 'a line of some length to fill buffers with'], {
    Tty: false,
    HostConfig: { LogConfig: { Type: 'none' } },
  });
  const { stream } = await client.hijack('POST', `/containers/${id}/attach`, {
    query: { stream: 1, stdout: 1 },
  });
  stream.once('data', () => stream.pause());
  await eventually(() => stream.isPaused());
  const before = process.memoryUsage().rss;
  await delay(1000);
  const grown = process.memoryUsage().rss - before;
  assert.ok(grown < 20 * MB, `${grown} bytes more`);
  let read = 0;
  stream.on('data', (chunk: Buffer) => {
    read += chunk.length;
  });
  stream.resume();
  await eventually(() => read > 50 * MB);
  stream.destroy();
  await remove(id);
});

test('a client that disappears in the middle of an upload leaves nothing behind', async () => {
  const requests = await goroutines();
  const sockets: Socket[] = [];
  for (let i = 0; i < 20; i++) {
    const socket = connect(api.socket);
    socket.write('POST /v1.41/images/load HTTP/1.1\r\nHost: d\r\nContent-Length: 1000000\r\n\r\nstart');
    sockets.push(socket);
  }
  await eventually(async () => (await goroutines()) > requests);
  for (const socket of sockets) socket.destroy();
  await eventually(async () => (await goroutines()) <= requests + 2);
});

test('the engine goes away and comes back', async () => {
  const body = new PassThrough();
  const pending = client.request('POST', '/images/load', { body }).catch((error: Error) => error);
  body.write('x');
  const stream = await client.stream('GET', '/events');
  const broken = new Promise((resolve) => stream.once('error', resolve));
  stream.resume();
  await engine.kill();
  assert.ok(await broken, 'a stream that broke is seen as broken');
  body.end();
  await pending;
  const away = {
    status: 503,
    message: `Cannot connect to the Docker daemon at unix://${engine.socket}. Is the docker daemon running?`,
  };
  await assert.rejects(client.json('GET', '/containers/json', { apiVersion: '1.41' }), away);
  await assert.rejects(client.json('GET', '/info', { apiVersion: '1.41' }), away);
  assert.match(
    await raw('POST /exec/x/start HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n'),
    /^HTTP\/1.1 503 .*Cannot connect to the Docker daemon/s,
  );
  const ping = await raw('HEAD /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n');
  assert.match(ping, /^HTTP\/1.1 500 .*Swarm: inactive/s);
  await engine.start();
  await client.json('GET', '/containers/json');
});

/** How much the engine is doing. */
async function goroutines(): Promise<number> {
  return (await engine.client.json<{ NGoroutines: number }>('GET', '/info')).NGoroutines;
}

function* chunksOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}
