/**
 * The API against clients that mean no good or know no better: every route that is answered here, walked with malformed
 * bodies, wrong types, odd filters, queries and paths, and requests that break off. Each gets a status and a message in
 * Docker's form, and none is a fault of the server's.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { startApi, type TestApi, testManager } from '../../test/support/api.ts';
import { startEngine, type TestEngine } from '../../test/support/engine.ts';
import { type EngineClient, readAll, unixEngine } from '../engine/client.ts';
import * as specs from '../model/spec.ts';
import { openMemoryStore } from '../store/memory.ts';
import { sampleCluster, sampleNode, sampleService } from '../store/samples.ts';
import { swarmRoutes } from './swarm/routes.ts';

const MB = 1024 * 1024;
const JSON_TYPE = { 'content-type': 'application/json' };

let engine: TestEngine;
let api: TestApi;
let client: EngineClient;
let routes: Array<{ method: string; path: string }>;
before(async () => {
  engine = await startEngine();
  api = await startApi(engine.client, [swarmRoutes]);
  client = unixEngine(api.socket);
  routes = api.server.routes();
  const store = openMemoryStore();
  const cluster = sampleCluster('c1', 'key', 'token');
  await store.commit({
    changes: [
      { op: 'put', kind: 'cluster', object: cluster },
      { op: 'put', kind: 'node', object: sampleNode('n1') },
      { op: 'put', kind: 'service', object: sampleService('s1', 'web') },
    ],
  });
  api.membership.become({ state: 'active', nodeId: 'n1' }, testManager(store, cluster, engine.client));
});
after(async () => {
  client.close();
  await api[Symbol.asyncDispose]();
  await engine.remove();
});

interface Answer {
  status: number;
  text: string;
}

async function ask(
  method: string,
  path: string,
  options: { query?: string; body?: string | Buffer; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { query = '', body, headers = JSON_TYPE } = options;
  const response = await client.request(method, path + query, { body, headers, apiVersion: '1.41' });
  // Streams of success do not end by themselves.
  if (response.status === 200 && /\/(events|logs)$/.test(path)) {
    response.body.on('error', () => undefined).destroy();
    return { status: 200, text: '' };
  }
  return { status: response.status, text: (await readAll(response.body)).toString() };
}

/** An error has Docker's form, and its text is not one of the language that this is written in. */
function wellFormed({ status, text }: Answer, about: string): void {
  assert.ok(status >= 200 && status < 600, about);
  if (status >= 400) {
    const { message, ...rest } = JSON.parse(text) as { message: unknown };
    assert.equal(typeof message, 'string', about);
    assert.notEqual(message, '', about);
    assert.deepEqual(rest, {}, about);
    assert.doesNotMatch(text, /Cannot read|undefined|is not a function|not iterable|\[object/, about);
  }
  assert.deepEqual(api.faults, [], about);
}

const filled = (path: string, value = 'nope'): string => path.replace(/\{[\w.]+\}/g, value);
const withBody = () => routes.filter(({ method }) => method === 'POST');

test('there are routes to walk', () => {
  const known = routes.map(({ method, path }) => `${method} ${path}`);
  for (const route of [
    'POST /services/create',
    'GET /tasks',
    'DELETE /secrets/{id}',
    'POST /swarm/init',
    'GET /events',
  ])
    assert.ok(known.includes(route), `${route} of ${known.join(', ')}`);
});

test('malformed bodies', async () => {
  const bodies = [
    'x',
    '{',
    '[1',
    '[]',
    '"s"',
    '1',
    '{"a":1}{',
    '{"a":01}',
    '\u0000',
    '{"Name":"\ud800"}',
    '['.repeat(100_000),
  ];
  for (const { method, path } of withBody()) {
    for (const body of bodies) {
      const answer = await ask(method, filled(path), { query: '?version=1', body });
      wellFormed(answer, `${method} ${path} ${body.slice(0, 20)}`);
    }
  }
  for (const path of ['/services/create', '/secrets/create', '/configs/create', '/swarm/init']) {
    const answer = await ask('POST', path, { body: '{' });
    assert.deepEqual(answer, { status: 400, text: '{"message":"invalid JSON: unexpected EOF"}\n' }, path);
  }
});

test('content types', async () => {
  const refused: Array<[Record<string, string>, string]> = [
    [
      { 'content-type': 'text/plain' },
      "unsupported Content-Type header (text/plain): must be 'application/json'",
    ],
    [{ 'content-type': '' }, 'malformed Content-Type header (): mime: no media type'],
    [
      { 'content-type': 'application/json xx' },
      'malformed Content-Type header (application/json xx): mime: unexpected content after media subtype',
    ],
  ];
  for (const [headers, message] of refused) {
    const { status, text } = await ask('POST', '/services/create', { body: '{}', headers });
    assert.deepEqual([status, JSON.parse(text)], [400, { message }]);
  }
});

test('bodies of any size', async () => {
  for (const path of ['/services/create', '/secrets/create', '/networks/create']) {
    const answer = await ask('POST', path, { body: `{"Name":"${'x'.repeat(9 * MB)}"}` });
    assert.equal(answer.status, 413, path);
    wellFormed(answer, path);
  }
  // One whose size is not said, and which does not end.
  const socket = connect(api.socket);
  socket.on('error', () => undefined);
  let answer = '';
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString();
  });
  socket.write(
    'POST /services/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
  );
  const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`;
  while (!socket.destroyed && answer === '') {
    socket.write(chunk);
    await new Promise(setImmediate);
  }
  assert.match(answer, /^HTTP\/1.1 413 /);
  socket.destroy();
});

/** Every field name of every spec. */
const fields = new Set<string>();
(function collect(shape: unknown): void {
  if (typeof shape !== 'object' || shape === null) return;
  if ('properties' in shape) for (const name of Object.keys(shape.properties as object)) fields.add(name);
  for (const part of Object.values(shape)) collect(part);
})(specs);

const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.constantFrom(
      null,
      true,
      0,
      1,
      -1,
      1.5,
      2 ** 53,
      1e300,
      '',
      'x',
      'nope',
      'web',
      's1',
      '{{.Node.ID',
      '../..',
      '\u0000',
      [],
      {},
    ),
    fc.array(tie('any'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...fields, '__proto__', 'constructor', 'toString'), tie('any'), {
      maxKeys: 6,
    }),
  ),
})).any;

test('bodies of the right fields and the wrong types', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...withBody()),
      fc.constantFrom('nope', 'web', 's1', 'n1'),
      value,
      async ({ method, path }, id, body) => {
        const text = JSON.stringify(body);
        const answer = await ask(method, filled(path, id), { query: '?version=1', body: text });
        wellFormed(answer, `${method} ${path} ${text}`);
      },
    ),
    { numRuns: 1500 },
  );
});

/** A service that is nearly right, one part of it anything. */
const nearlyService = fc
  .tuple(
    value,
    fc.constantFrom(
      'Labels',
      'TaskTemplate',
      'Mode',
      'UpdateConfig',
      'RollbackConfig',
      'EndpointSpec',
      'Networks',
      'ContainerSpec',
      'Resources',
      'RestartPolicy',
      'Placement',
      'LogDriver',
      'Mounts',
      'Secrets',
      'Configs',
      'Healthcheck',
      'Privileges',
      'Ports',
      'Replicas',
    ),
  )
  .map(([part, name]) => {
    const at = (field: string, or: object = {}) => (field === name ? { [field]: part } : or);
    const ContainerSpec = {
      Image: 'busybox',
      ...at('Mounts'),
      ...at('Secrets'),
      ...at('Configs'),
      ...at('Healthcheck'),
      ...at('Privileges'),
    };
    return {
      Name: 'nearly',
      ...at('Labels'),
      ...at('UpdateConfig'),
      ...at('RollbackConfig'),
      ...at('Networks'),
      ...at('Mode', { Mode: { Replicated: { ...at('Replicas') } } }),
      ...at('EndpointSpec', { EndpointSpec: { ...at('Ports') } }),
      ...at('TaskTemplate', {
        TaskTemplate: {
          ...at('ContainerSpec', { ContainerSpec }),
          ...at('Resources'),
          ...at('RestartPolicy'),
          ...at('Placement'),
          ...at('LogDriver'),
        },
      }),
    };
  });

test('services that are nearly right; what is taken can be listed and taken away', async () => {
  await fc.assert(
    fc.asyncProperty(nearlyService, async (spec) => {
      const text = JSON.stringify(spec);
      wellFormed(await ask('POST', '/services/create', { body: text }), text);
      wellFormed(await ask('POST', '/services/nearly/update', { query: '?version=5', body: text }), text);
      for (const path of [
        '/services?status=true',
        '/services/nearly',
        '/services/nearly?insertDefaults=true',
        '/tasks',
      ]) {
        const [at = '', query] = path.split('?');
        wellFormed(await ask('GET', at, { query: query ? `?${query}` : '' }), `${path} ${text}`);
      }
      wellFormed(await ask('DELETE', '/services/nearly'), text);
    }),
    { numRuns: 500 },
  );
});

test('filters and queries', async () => {
  const filters = [
    'x',
    '[]',
    '1',
    '{"a":"x"}',
    '{"id":[1]}',
    '{"foo":["v"]}',
    '{"__proto__":["x"]}',
    '{"id":{"x":true}}',
    '{"id":["x"]}',
    '{"label":["=","a=b=c",""]}',
    '{"name":["("]}',
    '{"desired-state":["x"]}',
    '{"mode":["x"]}',
    '{"role":["x"]}',
    '{"until":["x"]}',
    'null',
    '{"id":{}}',
    '{'.repeat(5000),
  ];
  const queries = [
    'version=-1',
    'version=1e9',
    'version=99999999999999999999',
    'version=&version=2',
    'force=maybe',
    'status=2',
    'since=x',
    'tail=-1',
    'tail=all',
    'limit=-5',
    '%zz=%',
    'a=%ff',
    `x=${'y'.repeat(60_000)}`,
    'registryAuthFrom=x',
    'rollback=x',
    'stdout=1&follow=0&since=NaN',
  ];
  for (const { method, path } of routes.filter(({ method }) => method !== 'HEAD')) {
    const all = [
      ...queries,
      ...(method === 'GET' ? filters.map((text) => `filters=${encodeURIComponent(text)}`) : []),
    ];
    for (const query of all) {
      const answer = await ask(method, filled(path), {
        query: `?${query}`,
        ...(method === 'POST' ? { body: '{}' } : {}),
      });
      // The engine's own faults are the engine's.
      if (!/^\/(networks|containers|events)/.test(path))
        wellFormed(answer, `${method} ${path} ${query.slice(0, 100)}`);
    }
  }
  for (const list of ['services', 'nodes', 'tasks', 'secrets', 'configs']) {
    const answer = await ask('GET', `/${list}`, { query: '?filters={"foo":["v"]}' });
    assert.deepEqual(answer, { status: 400, text: `{"message":"invalid filter 'foo'"}\n` }, list);
  }
});

test('names in paths', async () => {
  for (const name of [
    '%00',
    '%2e',
    '%F0%9F%98%80',
    '__proto__',
    'constructor',
    'x'.repeat(60_000),
    '%27%3B--',
    '%20',
    '*',
  ]) {
    for (const { method, path } of routes) {
      if (!path.includes('{') || method === 'POST') continue;
      const answer = await ask(method, filled(path, name));
      if (answer.status === 301) continue;
      if (!path.startsWith('/distribution'))
        assert.equal(answer.status >= 400, true, `${method} ${path} ${name}`);
      wellFormed(answer, `${method} ${path} ${name.slice(0, 20)}`);
    }
  }
});

test('methods and paths that are nobody’s', async () => {
  for (const owned of ['/services', '/nodes/x/y/z', '/swarm', '/tasks/x/nope', '/secrets/', '/configs/a/b']) {
    for (const method of ['PUT', 'PATCH', 'DELETE']) {
      const answer = await ask(method, owned);
      assert.deepEqual(answer, { status: 404, text: '{"message":"page not found"}\n' }, `${method} ${owned}`);
    }
    // Browsers ask it before they ask anything else.
    assert.deepEqual(await ask('OPTIONS', owned), { status: 200, text: '' }, owned);
  }
});

test('requests that break off', async () => {
  const heads = [
    'GET /ser',
    'GET /services HTTP/1.1\r\nHo',
    'POST /services/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"Na',
    'GET /events HTTP/1.1\r\nHost: d\r\n\r\n',
    'GET /services HTTP/1.1\r\nHost: d\r\n\r\n',
    'POST /exec/x/start HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 10\r\n\r\n{',
    '\u0016\u0003\u0001',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  ];
  for (let round = 0; round < 50; round++) {
    await Promise.all(
      heads.map(async (head) => {
        const socket = connect(api.socket);
        socket.on('error', () => undefined);
        await once(socket, 'connect');
        socket.write(head);
        if (round % 2 === 0) await delay(1);
        socket.destroy();
      }),
    );
  }
  wellFormed(await ask('GET', '/services'), 'afterwards');
});
