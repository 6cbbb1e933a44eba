/** The port of the web interface: who gets through to what. One test for each lesson of others' advisories. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { glob, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { WebSocket } from 'ws';
import { eventually } from '../../test/support/lab.ts';
import { changeUser } from '../access/accounts.ts';
import type { Right } from '../access/actor.ts';
import { GRANTS } from '../access/grants.ts';
import {
  sampleConfig,
  sampleSecret,
  sampleService,
  sampleStackRevision,
  sampleTask,
} from '../store/samples.ts';
import { COOKIE } from './gateway/identify.ts';
import type { StackDifference } from './protocol.ts';
import { PASSWORD, TestPort } from './testing/port.ts';

/** A container of the deployer's. */
const OWN = 'a'.repeat(64);
const LABEL = 'com.docker.stack.namespace';
const shop = (changes: object = {}, container: object = {}) => ({
  Name: 'shop_web',
  Labels: { [LABEL]: 'shop' },
  TaskTemplate: { ContainerSpec: { Image: 'nginx', ...container } },
  ...changes,
});

describe('the port of the web interface', () => {
  let port: TestPort;
  before(async () => {
    port = await TestPort.start();
    const labels = { Labels: { [LABEL]: 'shop' } };
    const env = { TaskTemplate: { ContainerSpec: { Image: 'nginx', Env: ['PASSWORD=hush'] } } };
    const own = sampleService('own', 'shop_own');
    const task = sampleTask('task', { ...own, Spec: { ...own.Spec, ...labels } }, { NodeID: 'n' });
    const ContainerStatus = { ContainerID: OWN, PID: 1, ExitCode: 0 };
    const Status = { ...task.Status, State: 'running' as const, ContainerStatus };
    const other = sampleService('other', 'bank_other');
    const secret = sampleSecret('s', 'aHVzaA==');
    await port.cluster.put(
      { op: 'put', kind: 'service', object: { ...own, Spec: { ...own.Spec, ...labels, ...env } } },
      { op: 'put', kind: 'service', object: { ...other, Spec: { ...other.Spec, ...env } } },
      { op: 'put', kind: 'task', object: { ...task, Status } },
      { op: 'put', kind: 'config', object: sampleConfig('c', 'aHVzaA==') },
      { op: 'put', kind: 'secret', object: { ...secret, Spec: { ...secret.Spec, Name: 'bank_key' } } },
    );
  });
  after(() => port?.[Symbol.asyncDispose]());

  const HAS: Record<string, readonly Right[]> = {
    administrator: ['open', 'own', 'self', 'see', 'stack', 'console', 'operate', 'accounts'],
    operator: ['open', 'own', 'self', 'see', 'stack', 'console', 'operate'],
    deployer: ['open', 'own', 'self', 'see'],
    viewer: ['open', 'own', 'self', 'see'],
    'administrator, reading': ['open', 'own', 'see'],
    nobody: ['open'],
  };

  // What a walk must not really do to the accounts that it walks with.
  const WALKED = GRANTS.filter(({ path }) => !/^\/essaim\/(users|tokens|sessions?|password)/.test(path));

  for (const [who, rights] of Object.entries(HAS)) {
    test(`every route as ${who}`, async () => {
      const wrong: string[] = [];
      for (const { method, path, right, target, lasting } of WALKED) {
        if (lasting && path === '/events') continue;
        const url = path.replace(/\{[^}]+\}/g, target ? 'nothing-of-that-name' : 'x1');
        const as = who === 'nobody' ? undefined : who;
        const body = method === 'GET' || method === 'HEAD' ? undefined : {};
        const { status } = await port.ask(method, url, { as, body });
        const isRefused = status === 401 || status === 403;
        const isUnknown = right === 'socket';
        // An exec that nobody made is nobody's, and a code that was never given opens nothing.
        const isOwnRefusal = target === 'exec' || path === '/essaim/setup' || path === '/essaim/session';
        if (
          isUnknown ? status !== 404 : isRefused !== !rights.includes(right) && !(isRefused && isOwnRefusal)
        )
          wrong.push(`${method} ${path} (${right}): ${status}`);
      }
      assert.deepEqual(wrong, []);
    });
  }

  test('every route of Essaim’s own is in the list, and nothing that is not gets through', async () => {
    const known = new Set(GRANTS.map(({ method, path }) => `${method} ${path}`));
    const missing = port.api.routes().filter(({ method, path }) => !known.has(`${method} ${path}`));
    assert.deepEqual(missing, []);
    for (const [method, path] of [
      ['POST', '/plugins/pull'],
      ['POST', '/session'],
      ['GET', '/debug/vars'],
      ['GET', '/essaim'],
      ['PATCH', '/services/x'],
      ['GET', '/containers/x/attach/ws'],
    ] as const)
      assert.equal((await port.ask(method, path, { as: 'administrator' })).status, 404, path);
  });

  test('no module has a route of Essaim’s own that the walk has not been through', async () => {
    const known = new Set(GRANTS.map(({ method, path }) => `${method} ${path}`));
    const source = join(import.meta.dirname, '..');
    const missing: string[] = [];
    for await (const name of glob('**/*.ts', { cwd: source })) {
      const text = await readFile(join(source, name), 'utf8');
      const routes = text.matchAll(/\brouter\s*\.(get|post|put|delete|head)\(\s*'(\/essaim\/[^']+)'/g);
      for (const [, method, path] of routes)
        if (!known.has(`${method!.toUpperCase()} ${path}`)) missing.push(`${name}: ${method} ${path}`);
    }
    assert.deepEqual(missing, []);
  });

  test('another spelling of a path leads to no other right', async () => {
    for (const path of ['/swarm', '/v1.41/swarm', '/%73warm', '/v1.41/%73%77arm'])
      assert.equal((await port.ask('GET', path, { as: 'viewer' })).status, 403, path);
    for (const path of ['/services/../swarm', '//swarm', '/services/%2e%2e/swarm', '/./swarm'])
      assert.equal((await port.ask('GET', path, { as: 'viewer' })).status, 301, path);
    for (const path of ['/SWARM', '/swarm/', '/v1.41//swarm'])
      assert.notEqual((await port.ask('GET', path, { as: 'viewer' })).status, 200, path);
  });

  test('a credential that is none is refused, also where another one would do', async () => {
    const session = await port.signedIn('administrator');
    for (const request of [
      { as: 'essaim_nonsense' },
      { session: 'nonsense' },
      { headers: { authorization: 'Basic YWRtaW46YWRtaW4=' } },
      { session, as: 'essaim_nonsense' },
    ])
      assert.equal((await port.ask('GET', '/services', request)).status, 401);
    const { administrator } = port.tokens;
    for (const path of [`/services?token=${administrator}`, `/services?access_token=${administrator}`])
      assert.equal((await port.ask('GET', path)).status, 401, 'nothing secret in addresses');
  });

  test('a token for reading makes no other token, ends no session, changes no password', async () => {
    const as = 'administrator, reading';
    for (const [method, path, body] of [
      ['POST', '/essaim/tokens', { name: 'more', scope: 'all' }],
      ['DELETE', '/essaim/tokens/test', undefined],
      ['DELETE', '/essaim/sessions/x', undefined],
      ['POST', '/essaim/password', { old: PASSWORD, new: 'another swarm of bees' }],
      ['POST', '/essaim/users', { name: 'eve', password: PASSWORD, role: 'administrator' }],
    ] as const) {
      const { status, text } = await port.ask(method, path, { as, body });
      assert.equal(status, 403, `${method} ${path}`);
      assert.match(text, /the token read is for reading only/);
    }
    assert.equal((await port.ask('GET', '/essaim/tokens', { as })).status, 200);
  });

  test('headers with which the daemon is told who asks are nobody’s outside', async () => {
    const headers = { 'essaim-actor': 'administrator', 'essaim-session': 'x', 'essaim-address': '1.2.3.4' };
    const { text } = await port.ask('GET', '/essaim/session', { as: 'viewer', headers });
    assert.equal(JSON.parse(text).name, 'viewer');
  });

  test('a write with a cookie comes from a page of ours, as JSON', async () => {
    const session = await port.signedIn('administrator');
    const write = (headers: Record<string, string>) =>
      port.ask('POST', '/networks/prune', { session, body: {}, headers }).then(({ status }) => status);
    for (const headers of [
      {},
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'none', origin: `https://${port.host}` },
    ] as Array<Record<string, string>>)
      assert.equal(await write(headers), 403, JSON.stringify(headers));
    assert.equal(await write({ 'sec-fetch-site': 'same-origin', 'content-type': 'text/plain' }), 415);
    for (const headers of [
      { 'sec-fetch-site': 'same-origin' },
      // A proxy may speak another scheme.
      { origin: `http://${port.host}` },
    ] as Array<Record<string, string>>)
      assert.notEqual(await write(headers), 403);
  });

  test('the live socket is not opened by a page of another site, nor by nobody', async () => {
    const cookie = `${COOKIE}=${await port.signedIn('viewer')}`;
    const bearer = { authorization: `Bearer ${port.tokens.viewer}` };
    assert.equal(await port.live({}), 401);
    assert.equal(await port.live({ origin: `https://${port.host}` }), 401);
    assert.equal(await port.live({ cookie }), 403);
    assert.equal(await port.live({ cookie, origin: 'https://evil.example' }), 403);
    assert.equal(await port.live({ cookie, origin: `https://${port.host}.evil.example` }), 403);
    assert.equal(await port.live({ ...bearer, origin: 'https://evil.example' }), 403);
    for (const headers of [{ cookie, origin: `https://${port.host}` }, bearer]) {
      const socket = await port.live(headers as Record<string, string>);
      assert.ok(socket instanceof WebSocket);
      socket.terminate();
    }
  });

  test('a console is not opened by a page of another site, nor without the right to that container', async () => {
    const path = `/essaim/console?container=${OWN}`;
    const cookieOf = async (name: string) => `${COOKIE}=${await port.signedIn(name)}`;
    const here = `https://${port.host}`;
    assert.equal(await port.live({}, path), 401);
    for (const origin of ['https://evil.example', `${here}.evil.example`, 'null'])
      assert.equal(await port.live({ cookie: await cookieOf('operator'), origin }, path), 403, origin);
    assert.equal(await port.live({ cookie: await cookieOf('viewer'), origin: here }, path), 403);
    const other = path.replace(OWN, 'bank_other.1');
    assert.equal(await port.live({ cookie: await cookieOf('deployer'), origin: here }, other), 403);
    const socket = await port.live({ cookie: await cookieOf('deployer'), origin: here }, path);
    assert.ok(socket instanceof WebSocket);
    socket.terminate();
  });

  test('what people say is never a command of a shell, nor a page’s own text', async () => {
    const found: string[] = [];
    const forbidden: Array<[folder: string, pattern: RegExp]> = [
      ['../access', /child_process/],
      ['../api', /child_process/],
      ['../compose', /child_process/],
      ['.', /child_process/],
      ['../../web/src', /dangerouslySetInnerHTML|\.(inner|outer)HTML\b|insertAdjacentHTML|document\.write/],
    ];
    for (const [folder, pattern] of forbidden) {
      const cwd = join(import.meta.dirname, folder);
      for await (const name of glob('**/*.{ts,tsx}', { cwd }))
        if (!name.endsWith('.test.ts') && pattern.test(await readFile(join(cwd, name), 'utf8')))
          found.push(`${folder}/${name}`);
    }
    assert.deepEqual(found, []);
  });

  test('what is open ends with the session', async () => {
    const session = await port.signedIn('viewer');
    const socket = await port.live({ cookie: `${COOKIE}=${session}`, origin: `https://${port.host}` });
    assert.ok(socket instanceof WebSocket);
    const closed = once(socket, 'close');
    const { status } = await port.ask('DELETE', '/essaim/session', {
      session,
      headers: { 'sec-fetch-site': 'same-origin' },
    });
    assert.equal(status, 204);
    await closed;
    assert.equal((await port.ask('GET', '/services', { session })).status, 401);
  });

  test('what is open ends when the account is disabled, tokens’ connections too', async () => {
    const socket = await port.live({ authorization: `Bearer ${port.tokens.viewer}` });
    assert.ok(socket instanceof WebSocket);
    const closed = once(socket, 'close');
    await changeUser(port.cluster.membership.manager()!, 'viewer', { disabled: true });
    await closed;
    assert.equal((await port.ask('GET', '/services', { as: 'viewer' })).status, 401);
    await changeUser(port.cluster.membership.manager()!, 'viewer', { disabled: false });
  });

  test('a name that leads here and is none of this host’s gets nothing', async () => {
    for (const path of ['/ui/', '/essaim/setup', '/services'])
      assert.equal((await port.ask('GET', path, { headers: { host: 'evil.example' } })).status, 421);
    for (const host of [port.host, 'localhost:1', '[::1]:9443', 'node1'])
      assert.notEqual((await port.ask('GET', '/essaim/setup', { headers: { host } })).status, 421, host);
  });

  test('bodies: too large is refused, not passed by; broken is said; what is read is what is judged', async () => {
    const create = (as: string, body: unknown) => port.ask('POST', '/services/create', { as, body });
    assert.equal((await create('deployer', Buffer.alloc(9 << 20, 0x20))).status, 413);
    assert.equal((await create('administrator', Buffer.alloc(9 << 20, 0x20))).status, 413);
    assert.equal((await create('deployer', Buffer.from('{"Name": "shop_x", '))).status, 400);
    assert.equal((await create('deployer', Buffer.alloc(0))).status, 403);
    // Docker's decoder does not look at the case of names, and takes the last of two.
    const sly = `{"name":"shop_sly","labels":{"${LABEL}":"shop"},"tasktemplate":{"containerSPEC":{"image":"x","mounts":[{"type":"bind","source":"/","target":"/host"}]}}}`;
    assert.match((await create('deployer', Buffer.from(sly))).text, /mounts of type bind may not be used/);
    const twice = `{"Name":"shop_twice","Labels":{"${LABEL}":"shop"},"TaskTemplate":{"ContainerSpec":{"Image":"x"}},"TaskTemplate":{"ContainerSpec":{"Image":"x","CapabilityAdd":["ALL"]}}}`;
    assert.equal((await create('deployer', Buffer.from(twice))).status, 403);
  });

  const refused: Array<[what: string, spec: object, why: RegExp]> = [
    ['no stack', { ...shop(), Labels: {} }, /no stack/],
    ['another stack', shop({ Labels: { [LABEL]: 'bank' } }), /belongs to bank/],
    ['another name', shop({ Name: 'bank_web' }), /begins with shop_/],
    ['a bind mount', shop({}, { Mounts: [{ Type: 'bind', Source: '/', Target: '/h' }] }), /type bind/],
    ['a pipe', shop({}, { Mounts: [{ Type: 'npipe', Source: 'x', Target: '/h' }] }), /type npipe/],
    [
      'a bind mount that calls itself a volume',
      shop(
        {},
        {
          Mounts: [
            {
              Type: 'volume',
              Source: 'shop_x',
              Target: '/h',
              VolumeOptions: {
                DriverConfig: { Name: 'local', Options: { type: 'none', o: 'bind', device: '/' } },
              },
            },
          ],
        },
      ),
      /options of volume drivers/,
    ],
    [
      'another’s volume',
      shop({}, { Mounts: [{ Source: 'bank_data', Target: '/d' }] }),
      /does not belong to shop/,
    ],
    ['a capability', shop({}, { CapabilityAdd: ['CAP_SYS_ADMIN'] }), /capabilities/],
    ['a kernel setting', shop({}, { Sysctls: { 'kernel.shmmax': '1' } }), /kernel settings/],
    ['no seccomp', shop({}, { Privileges: { Seccomp: { Mode: 'unconfined' } } }), /seccomp/],
    ['no AppArmor', shop({}, { Privileges: { AppArmor: { Mode: 'disabled' } } }), /AppArmor/],
    [
      'another’s secret',
      shop({}, { Secrets: [{ SecretID: 's', SecretName: 'bank_key' }] }),
      /bank_key does not belong/,
    ],
    [
      'the host’s network',
      shop({ TaskTemplate: { ContainerSpec: { Image: 'x' }, Networks: [{ Target: 'host' }] } }),
      /network host/,
    ],
  ];
  for (const [what, spec, why] of refused) {
    test(`a deployer’s service may not have ${what}`, async () => {
      const { status, text } = await port.ask('POST', '/services/create', { as: 'deployer', body: spec });
      assert.equal(status, 403, text);
      assert.match(text, why);
      const version = port.cluster.store.view.get('service', 'own')!.Version.Index;
      const update = await port.ask('POST', `/services/own/update?version=${version}`, {
        as: 'deployer',
        body: spec,
      });
      assert.equal(update.status, 403, 'on update as well');
    });
  }

  test('a deployer’s exec may not be privileged', async () => {
    const body = { Cmd: ['id'], Privileged: true };
    const { status, text } = await port.ask('POST', `/containers/${OWN}/exec`, { as: 'deployer', body });
    assert.equal(status, 403);
    assert.match(text, /an exec may not be privileged/);
    const plain = { ...body, Privileged: false };
    const { status: other } = await port.ask('POST', `/containers/${OWN}/exec`, {
      as: 'deployer',
      body: plain,
    });
    assert.notEqual(other, 403);
  });

  test('a deployer changes its own and nothing else', async () => {
    const made = await port.ask('POST', '/services/create', {
      as: 'deployer',
      body: shop({ Name: 'shop_new' }),
    });
    assert.equal(made.status, 201, made.text);
    const { ID } = JSON.parse(made.text) as { ID: string };
    assert.equal((await port.ask('DELETE', `/services/${ID}`, { as: 'deployer' })).status, 200);
    for (const name of ['other', 'bank_other'])
      assert.equal((await port.ask('DELETE', `/services/${name}`, { as: 'deployer' })).status, 403);
    const version = port.cluster.store.view.get('service', 'other')!.Version.Index;
    const taken = await port.ask('POST', `/services/other/update?version=${version}`, {
      as: 'deployer',
      body: shop(),
    });
    assert.equal(taken.status, 403, 'not even by calling it its own');
  });

  test('a roll-back puts back only what may be', async () => {
    const own = port.cluster.store.view.get('service', 'own')!;
    const PreviousSpec = { ...own.Spec, ...shop({}, { CapabilityAdd: ['ALL'] }), Name: 'shop_own' };
    await port.cluster.put({ op: 'put', kind: 'service', object: { ...own, PreviousSpec } });
    const version = port.cluster.store.view.get('service', 'own')!.Version.Index;
    const path = `/services/own/update?version=${version}&rollback=previous`;
    const { status, text } = await port.ask('POST', path, {
      as: 'deployer',
      body: shop({ Name: 'shop_own' }),
    });
    assert.equal(status, 403);
    assert.match(text, /capabilities/);
  });

  test('who looks sees no values of environments and no contents; a deployer those of its own', async () => {
    const env = async (as: string, id: string) =>
      JSON.parse((await port.ask('GET', `/services/${id}`, { as })).text).Spec.TaskTemplate.ContainerSpec.Env;
    assert.deepEqual(await env('viewer', 'own'), ['PASSWORD=(hidden)']);
    assert.deepEqual(await env('deployer', 'own'), ['PASSWORD=hush']);
    assert.deepEqual(await env('deployer', 'other'), ['PASSWORD=(hidden)']);
    assert.deepEqual(await env('operator', 'other'), ['PASSWORD=hush']);
    assert.ok(!(await port.ask('GET', '/services', { as: 'viewer' })).text.includes('hush'));
    assert.ok(!(await port.ask('GET', '/configs', { as: 'viewer' })).text.includes('aHVzaA'));
    assert.ok((await port.ask('GET', '/configs', { as: 'operator' })).text.includes('aHVzaA'));
  });

  test('a plan, which tells what there is, is for those who may change that stack', async () => {
    const files = { 'compose.yaml': 'services: { own: { image: nginx } }' };
    const check = async (as: string, name: string) =>
      (await port.ask('POST', '/essaim/compose/check', { as, body: { name, files } })).text;
    for (const [as, name] of [
      ['viewer', 'shop'],
      ['deployer', 'bank'],
    ] as const) {
      const text = await check(as, name);
      assert.deepEqual([JSON.parse(text).problems, JSON.parse(text).plan], [[], undefined]);
      assert.ok(!text.includes('hush'));
    }
    for (const as of ['deployer', 'operator']) assert.match(await check(as, 'shop'), /PASSWORD=hush/);
    for (const path of ['revisions', 'export', 'diff'])
      for (const as of ['viewer', 'deployer'])
        assert.equal((await port.ask('GET', `/essaim/stacks/bank/${path}`, { as })).status, 403);
  });

  test('two revisions, or one and what runs, beside each other: as texts and field by field', async () => {
    const revision = (number: number) => ({
      ...sampleStackRevision(`r${number}`, `services: { own: { image: "nginx:${number}" } }`),
      ...{ stack: 'shop', number },
    });
    await port.cluster.put(
      ...[1, 2].map((number) => ({ op: 'put', kind: 'stackRevision', object: revision(number) }) as const),
    );
    const diff = async (query: string): Promise<StackDifference> => {
      const { status, text } = await port.ask('GET', `/essaim/stacks/shop/diff?${query}`, { as: 'deployer' });
      assert.equal(status, 200, text);
      return JSON.parse(text);
    };
    const found = await diff('a=1&b=2');
    assert.match(found.before['compose.yaml']!, /nginx:1/);
    assert.deepEqual(
      found.changes!.map(({ name, changes }) => [name, changes.map(({ field }) => field)]),
      [['shop_own', ['Labels.com.docker.stack.image', 'TaskTemplate.ContainerSpec.Image']]],
    );
    assert.match((await diff('a=1')).after['compose.yaml']!, /# Made of what runs/);
    const unknown = await port.ask('GET', '/essaim/stacks/shop/diff?a=99', { as: 'deployer' });
    assert.equal(unknown.status, 404);
  });

  test('a deployer’s stack is judged service by service, before anything is made', async () => {
    const deploy = (name: string, text: string) =>
      port.ask('POST', `/essaim/stacks/${name}`, {
        as: 'deployer',
        body: { files: { 'compose.yaml': text } },
      });
    assert.equal((await deploy('bank', 'services: { a: { image: x } }')).status, 403);
    const evil = await deploy('shop', 'services: { a: { image: x }, b: { image: x, volumes: ["/:/host"] } }');
    assert.equal(evil.status, 403);
    assert.match(evil.text, /type bind/);
    assert.equal(port.cluster.store.view.byName('service', 'shop_a').length, 0);
  });

  test('guessing gets slower, on every way on which a password is checked', async () => {
    const session = await port.signedIn('operator');
    const guess = () =>
      port.ask('POST', '/essaim/password', {
        session,
        body: { old: 'not this one at all', new: 'another long sentence' },
        headers: { 'sec-fetch-site': 'same-origin' },
      });
    for (let i = 0; i < 5; i++) assert.equal((await guess()).status, 403);
    const { status, headers } = await guess();
    assert.equal(status, 429);
    assert.ok(Number(headers['retry-after']) >= 1);
    const signIn = await port.ask('POST', '/essaim/session', {
      body: { name: 'operator', password: PASSWORD },
      headers: { 'sec-fetch-site': 'same-origin' },
    });
    assert.equal(signIn.status, 429, 'one limiter for all');
  });

  test('the cookie is out of reach of scripts and of other sites', async () => {
    const body = { name: 'administrator', password: PASSWORD };
    const { status, headers, text } = await port.ask('POST', '/essaim/session', {
      body,
      headers: { 'sec-fetch-site': 'same-origin' },
    });
    assert.equal(status, 201);
    assert.match(
      String(headers['set-cookie']),
      /^__Host-essaim=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict; Max-Age=\d+$/,
    );
    assert.deepEqual(Object.keys(JSON.parse(text)), ['ends'], 'the secret is in the cookie alone');
  });

  test('every write is in the audit, those that are refused too, and nothing secret is', async () => {
    await port.ask('POST', '/services/create', { as: 'viewer', body: shop() });
    await port.ask('POST', '/swarm/join', { as: 'operator', body: { JoinToken: 'hush' } });
    await port.ask('POST', '/configs/create', { as: 'operator', body: { Name: 'told', Data: 'aHVzaA==' } });
    const { ID } = port.cluster.store.view.byName('config', 'told')[0]!;
    await port.ask('DELETE', `/configs/${ID}`, { as: 'operator' });
    // It is written down beside the answer.
    await eventually('the audit has them', 5_000, async () => {
      const paths = [...port.cluster.store.view.all('auditEntry')].map(({ path }) => path);
      return paths.includes('/swarm/join') && paths.includes(`/configs/${ID}`);
    });
    const { text } = await port.ask('GET', '/essaim/audit', { as: 'administrator' });
    const entries = JSON.parse(text) as Array<Record<string, unknown>>;
    const found = (actor: string, path: string) =>
      entries.find((each) => each.actor === actor && each.path === path);
    assert.equal(found('operator', '/swarm/join')?.via, 'token test');
    assert.equal(found('viewer', '/services/create')?.status, 403);
    assert.equal(found('operator', '/configs/create')?.about, 'told');
    assert.equal(found('operator', `/configs/${ID}`)?.about, 'told', 'its name is known when it is gone');
    assert.ok(!text.includes('hush') && !text.includes(PASSWORD));
  });

  test('over HTTP/2 as over HTTP/1.1, with a page that lets in nothing of others', async () => {
    const client = connectHttp2(`https://${port.host}`, { rejectUnauthorized: false });
    const stream = client.request({ ':path': '/ui/services' });
    const [headers] = (await once(stream, 'response')) as [Record<string, string>];
    assert.equal(headers[':status'], 200);
    assert.match(
      headers['content-security-policy']!,
      /default-src 'none'; script-src 'self'; style-src 'self' 'nonce-/,
    );
    assert.ok(!headers['content-security-policy']!.includes('unsafe'));
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['referrer-policy'], 'no-referrer');
    client.destroy();
  });
});

/** An engine that knows execs, and nothing else. */
async function execEngine() {
  const folder = await mkdtemp(join(tmpdir(), 'essaim-engine-'));
  const server = createServer({ allowHalfOpen: true } as object, (request, response) => {
    const { url = '' } = request;
    const json = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (url.endsWith('/version')) json(200, { Version: '28.0', ApiVersion: '1.51', MinAPIVersion: '1.24' });
    else if (url.endsWith('/exec')) json(201, { Id: 'e'.repeat(64) });
    else json(200, {});
  });
  server.on('upgrade', (_request, wire) => {
    wire.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
    // The program says something once its input has ended.
    wire.on('data', () => undefined);
    wire.once('end', () => setTimeout(() => wire.end('said after the end'), 50));
  });
  const socket = join(folder, 'docker.sock');
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const close = async (): Promise<void> => {
    server.close();
    await rm(folder, { recursive: true });
  };
  return { socket, close };
}

test('an exec is its maker’s, once: its id is no credential', async (t) => {
  const engine = await execEngine();
  t.after(() => engine.close());
  await using port = await TestPort.start(engine.socket);
  const start = (as: string, id: string) =>
    port.ask('POST', `/exec/${id}/start`, { as, body: { Detach: true } });
  const made = await port.ask('POST', '/containers/some/exec', {
    as: 'administrator',
    body: { Cmd: ['id'] },
  });
  assert.equal(made.status, 201, made.text);
  const { Id } = JSON.parse(made.text) as { Id: string };
  for (const as of ['operator', 'deployer', 'viewer']) assert.equal((await start(as, Id)).status, 403, as);
  for (const id of ['f'.repeat(64), 'x']) assert.equal((await start('administrator', id)).status, 403);
  assert.equal((await port.ask('GET', `/exec/${Id}/json`, { as: 'operator' })).status, 403);
  assert.equal((await start('administrator', Id)).status, 200);
  assert.equal((await start('administrator', Id)).status, 403, 'not again');
});

test('the end of an exec’s input is not the end of its output', async (t) => {
  const engine = await execEngine();
  t.after(() => engine.close());
  await using port = await TestPort.start(engine.socket);
  const body = { Cmd: ['cat'] };
  const made = await port.ask('POST', '/containers/some/exec', { as: 'administrator', body });
  const { Id } = JSON.parse(made.text) as { Id: string };
  const client = connectTls({
    port: port.server.port,
    rejectUnauthorized: false,
    allowHalfOpen: true,
  } as object);
  await once(client, 'secureConnect');
  client.write(
    `POST /exec/${Id}/start HTTP/1.1\r\nHost: ${port.host}\r\nAuthorization: Bearer ${port.tokens.administrator}\r\n` +
      'Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
  );
  client.end();
  let text = '';
  client.on('data', (chunk: Buffer) => {
    text += chunk;
  });
  await once(client, 'end');
  assert.match(text, /^HTTP\/1.1 101/);
  assert.match(text, /said after the end$/);
});
