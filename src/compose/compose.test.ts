import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Service } from '../model/objects.ts';
import { sampleConfig, sampleService } from '../store/samples.ts';
import { check } from './deployment.ts';
import { type Live, planOf } from './plan.ts';
import { interpolate, parseEnv } from './variables.ts';

const compose = (text: string, more: Record<string, string> = {}) =>
  check('shop', { 'compose.yaml': text, ...more });
const only = (text: string, more: Record<string, string> = {}) => {
  const { deployment, problems } = compose(text, more);
  assert.ok(deployment, JSON.stringify(problems));
  return deployment.services[0]!.spec;
};

describe('variables', () => {
  const cases: Array<[text: string, expected: string]> = [
    ['$A', 'a'],
    ['${A}-${B}', 'a-'],
    ['${NONE:-x}', 'x'],
    ['${EMPTY:-x}', 'x'],
    ['${EMPTY-x}', ''],
    ['${A:+x}', 'x'],
    ['${NONE+x}', ''],
    ['${NONE:-${A}}', 'a'],
    ['$$A costs $$5', '$A costs $5'],
    ['${A:?}', 'a'],
  ];
  for (const [text, expected] of cases) {
    test(`${text} is ${expected}`, () => {
      assert.equal(interpolate(text, { A: 'a', EMPTY: '' }).text, expected);
    });
  }

  test('what is not set is said, what is required refused, what is no variable as well', () => {
    assert.deepEqual(interpolate('$B ${C:-c}', {}).missing, ['B']);
    assert.throws(() => interpolate('${B:?say who}', {}), /B has to be set: say who/);
    for (const text of ['$', '${', '${}', '${A!}', '$1']) assert.throws(() => interpolate(text, {}), /\$/);
    assert.equal(interpolate('$__proto__', {}).text, '');
  });

  test('text without a dollar is what it was', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(!text.includes('$'));
        assert.equal(interpolate(text, {}).text, text);
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        assert.equal(interpolate(text.replaceAll('$', '$$$$'), {}).text, text);
      }),
    );
  });

  test('.env as Docker reads it', () => {
    const text = [
      '# a comment',
      'A=1',
      'export B = two words # and a comment',
      'C="with \\"quotes\\" and\\nlines, $A"',
      "D='as it is: $A # all'",
      'E=',
      'F="over',
      'two lines"',
      '',
      'G=a#b',
    ].join('\n');
    assert.deepEqual(parseEnv(text), {
      ...{ A: '1', B: 'two words', C: 'with "quotes" and\nlines, 1', D: 'as it is: $A # all' },
      ...{ E: '', F: 'over\ntwo lines', G: 'a#b' },
    });
    assert.throws(() => parseEnv('A=1\nnot a line'), { line: 2 });
    assert.throws(() => parseEnv('A="open'), { line: 1 });
  });
});

describe('compose files', () => {
  test('the tutorial’s: a back end and MariaDB, with their .env', () => {
    const { deployment, problems } = compose(
      [
        'services:',
        '  backend:',
        '    image: php-back',
        '    build: ./backend',
        '    ports: ["8080:80"]',
        '    environment:',
        '      DB_HOST: db',
        '      DB_PASSWORD: ${DB_PASSWORD}',
        '  db:',
        '    image: mariadb:${TAG:-11}',
        '    environment:',
        '      - MARIADB_DATABASE=${DB_NAME}',
        '    volumes:',
        '      - data:/var/lib/mysql:Z',
        'volumes:',
        '  data:',
      ].join('\n'),
      { '.env': 'DB_PASSWORD=hush\nDB_NAME=pomodoro\n' },
    );
    assert.deepEqual(
      problems.map(({ line, column, severity, message }) => [line, column, severity, message.split(':')[0]]),
      [[4, 5, 'warning', 'build has no effect in a swarm']],
    );
    const [backend, db] = deployment!.services.map(({ spec }) => spec);
    assert.equal(backend!.Name, 'shop_backend');
    assert.deepEqual(backend!.TaskTemplate!.ContainerSpec!.Env, ['DB_HOST=db', 'DB_PASSWORD=hush']);
    assert.deepEqual(backend!.EndpointSpec!.Ports, [
      { Protocol: 'tcp', TargetPort: 80, PublishedPort: 8080, PublishMode: 'ingress' },
    ]);
    assert.deepEqual(backend!.TaskTemplate!.Networks, [{ Target: 'shop_default', Aliases: ['backend'] }]);
    assert.equal(db!.TaskTemplate!.ContainerSpec!.Image, 'mariadb:11');
    assert.deepEqual(db!.TaskTemplate!.ContainerSpec!.Mounts, [
      {
        ...{ Type: 'volume', Source: 'shop_data', Target: '/var/lib/mysql' },
        VolumeOptions: { Labels: { 'com.docker.stack.namespace': 'shop' } },
      },
    ]);
    assert.deepEqual(
      deployment!.networks.map(({ Name }) => Name),
      ['shop_default'],
    );
  });

  test('everything of deploy', () => {
    const spec = only(`
services:
  web:
    image: nginx
    deploy:
      replicas: 3
      labels: { a: 1 }
      endpoint_mode: dnsrr
      update_config: { parallelism: 2, delay: 1m30s, order: start-first, failure_action: rollback, max_failure_ratio: 0.3 }
      restart_policy: { condition: on-failure, delay: 2s, max_attempts: 5 }
      resources: { limits: { cpus: '0.5', memory: 64M, pids: 9 }, reservations: { memory: 1g } }
      placement: { constraints: [node.role == worker], preferences: [{ spread: node.labels.zone }], max_replicas_per_node: 2 }
`);
    assert.deepEqual(spec.Mode, { Replicated: { Replicas: 3 } });
    assert.equal(spec.Labels!.a, '1');
    assert.equal(spec.UpdateConfig!.Delay, 90e9);
    assert.equal(spec.TaskTemplate!.RestartPolicy!.MaxAttempts, 5);
    assert.deepEqual(spec.TaskTemplate!.Resources, {
      Limits: { NanoCPUs: 5e8, MemoryBytes: 64 * 2 ** 20, Pids: 9 },
      Reservations: { MemoryBytes: 2 ** 30 },
    });
    assert.equal(spec.TaskTemplate!.Placement!.MaxReplicas, 2);
  });

  test('anchors are merged, octal modes are octal, ports are no times', () => {
    const { deployment } = compose(`
x-common: &common { image: nginx, environment: { A: 1 } }
services:
  web:
    <<: *common
    ports: ["22:22"]
    configs: [{ source: page, target: /etc/page, mode: 0440 }]
configs: { page: { content: hello } }
`);
    const [{ spec, configs }] = deployment!.services as [NonNullable<typeof deployment>['services'][number]];
    assert.deepEqual(spec.TaskTemplate!.ContainerSpec!.Env, ['A=1']);
    assert.equal(spec.EndpointSpec!.Ports![0]!.PublishedPort, 22);
    assert.deepEqual(configs[0]!.file, { Name: '/etc/page', UID: '0', GID: '0', Mode: 0o440 });
    assert.equal(Buffer.from(deployment!.configs[0]!.Data!, 'base64').toString(), 'hello');
  });

  test('env_file and files of configs are those that stand beside it', () => {
    const text =
      'services: { web: { image: x, env_file: ./app.env, secrets: [key] } }\nsecrets: { key: { file: ./key } }';
    const { deployment } = compose(text, { 'app.env': 'A=1', key: 'hush' });
    assert.deepEqual(deployment!.services[0]!.spec.TaskTemplate!.ContainerSpec!.Env, ['A=1']);
    assert.equal(deployment!.services[0]!.secrets[0]!.name, 'shop_key');
    const { problems } = compose(text, { key: 'hush' });
    assert.match(problems[0]!.message, /there is no file app.env: add it beside this one/);
  });

  const COMMANDS: Array<[written: string, words: string[]]> = [
    ['sh -c date', ['sh', '-c', 'date']],
    [`sh -c 'echo "a b"; date'`, ['sh', '-c', 'echo "a b"; date']],
    ['echo "it\\"s" two', ['echo', 'it"s', 'two']],
    ['echo a\\ b ""', ['echo', 'a b', '']],
    ['  date  ', ['date']],
  ];
  for (const [written, words] of COMMANDS) {
    test(`a command in one line: ${written}`, () => {
      const line = JSON.stringify(written);
      const spec = only(`services: { web: { image: x, command: ${line}, entrypoint: ${line} } }`);
      assert.deepEqual(spec.TaskTemplate!.ContainerSpec!.Args, words);
      assert.deepEqual(spec.TaskTemplate!.ContainerSpec!.Command, words);
    });
  }

  const wrong: Array<[text: string, line: number, why: RegExp]> = [
    ['services:\n  web:\n    image: x\n    command: sh -c "date', 4, /a quote that is not closed/],
    ['services:\n  web:\n    image: x\n    deploy: {replicas: .inf}', 4, /must be a number/],
    ['services:\n  web:\n    imgae: x', 3, /no key imgae here; did you mean image/],
    ['services:\n  web:\n    image: x\n    deploy:\n      replica: 3', 5, /did you mean replicas/],
    ['services:\n  web:\n    image: x\n    mem_limit: 1g', 4, /cannot be deployed: use deploy.resources/],
    ['services:\n  web:\n    build: .', 2, /web has no image: a swarm does not build it/],
    ['services:\n  web:\n    image: x\n    networks: [front]', 4, /there is no network front/],
    ['services:\n  web:\n    image: x\n    ports: [eighty]', 4, /a port is written 8080:80/],
    [
      'services:\n  web:\n    image: x\n    volumes:\n      - ./here:/there',
      5,
      /is a place beside this file/,
    ],
    ['services:\n  web: {image: x', 2, /./],
    ['services:\n  web:\n    image: ${TAG:?which one}', 3, /TAG has to be set: which one/],
    ['[]', 1, /a mapping with services/],
    ['', 1, /a mapping with services/],
    ['services: {}', 1, /no service/],
  ];
  for (const [text, line, why] of wrong) {
    test(`said at its place: ${why.source}`, () => {
      const { deployment, problems } = compose(text);
      assert.equal(deployment, undefined);
      const found = problems.find(({ severity, message }) => severity === 'error' && why.test(message));
      assert.ok(found, JSON.stringify(problems));
      assert.equal(found.line, line);
    });
  }

  test('whatever the text, an answer', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'services: web\n-{}[]&*<"\'$!|>#') }), (text) => {
        const { deployment, problems } = compose(text);
        assert.ok(deployment || problems.length > 0);
      }),
    );
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${[...'bcdefghi'].map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefghi'[index]}`)}]`).join('\n')}`;
    assert.ok(compose(bomb).problems.length > 0);
  });
});

describe('plans', () => {
  const live = (services: Service[]): Live => ({
    ...{ networks: [], secrets: [], configs: [], services },
    running: () => 3,
    kept: (spec) => spec,
    networkId: () => undefined,
  });
  const deployment = (text: string) => compose(text).deployment!;
  const FILE = 'services: { web: { image: "nginx:1", deploy: { replicas: 3 } } }';
  const running = (text: string) => {
    const { spec } = deployment(text).services[0]!;
    return { ...sampleService('s', 'shop_web'), Spec: spec };
  };

  test('what is not there is made', () => {
    assert.deepEqual(
      planOf(deployment(FILE), live([]), false).map(({ kind, name, action }) => `${action} ${kind} ${name}`),
      ['create network shop_default', 'create service shop_web'],
    );
  });

  test('what is the same is left alone; a scale restarts nothing, an image does', () => {
    const [, same] = planOf(deployment(FILE), live([running(FILE)]), false);
    assert.deepEqual([same!.action, same!.restarts, same!.changes], ['keep', 0, []]);
    const scaled = planOf(deployment(FILE.replace('3', '5')), live([running(FILE)]), false)[1]!;
    assert.deepEqual(scaled.changes, [{ field: 'Mode.Replicated.Replicas', before: 3, after: 5 }]);
    assert.equal(scaled.restarts, 0);
    const newer = planOf(deployment(FILE.replace('nginx:1', 'nginx:2')), live([running(FILE)]), false)[1]!;
    assert.equal(newer.restarts, 3);
  });

  test('content that is another one is changed, and restarts who uses it', () => {
    const text = [
      'services: { web: { image: "nginx:1", deploy: { replicas: 3 }, configs: [motd] } }',
      'configs: { motd: { file: ./motd } }',
    ].join('\n');
    const wanted = compose(text, { motd: 'new' }).deployment!;
    const Spec = { Name: 'shop_motd', Data: Buffer.from('old').toString('base64') };
    const service = { ...sampleService('s', 'shop_web'), Spec: wanted.services[0]!.spec };
    const plan = (Data: string) =>
      planOf(
        wanted,
        { ...live([service]), configs: [{ ...sampleConfig('c', ''), Spec: { ...Spec, Data } }] },
        false,
      );
    const action = (Data: string) => plan(Data).find(({ kind }) => kind === 'config')!.action;
    assert.equal(action(Spec.Data), 'update');
    assert.equal(action(Buffer.from('new').toString('base64')), 'keep');
    assert.equal(plan(Spec.Data).find(({ kind }) => kind === 'service')!.restarts, 3);
  });

  test('services that are not in the file go when that is asked for', () => {
    const old = { ...running(FILE), Spec: { ...running(FILE).Spec, Name: 'shop_old' } };
    const actions = (prune: boolean) =>
      planOf(deployment(FILE), live([old]), prune).map(({ name, action }) => `${action} ${name}`);
    assert.ok(actions(true).includes('remove shop_old'));
    assert.ok(!actions(false).includes('remove shop_old'));
  });

  test('an image whose tag is the same keeps its digest', () => {
    const service = running(FILE);
    const pinned = `nginx:1@sha256:${'a'.repeat(64)}`;
    service.Spec.TaskTemplate!.ContainerSpec!.Image = pinned;
    assert.equal(planOf(deployment(FILE), live([service]), false)[1]!.action, 'keep');
  });
});
