import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config, Secret } from '../../model/objects.ts';
import type { ContainerSpec } from '../../model/spec.ts';
import { templateContext } from '../../model/task-context.ts';
import { makeTask } from '../testing/manager.ts';
import { type TaskFile, taskFiles } from './task-files.ts';

const meta = { Version: { Index: 1 }, CreatedAt: '', UpdatedAt: '', internal: {} };
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const secret = (ID: string, text: string, golang = false): Secret => ({
  ID,
  ...meta,
  Spec: { Name: ID, Data: base64(text), ...(golang ? { Templating: { Name: 'golang' } } : {}) },
});
const config = (ID: string, text: string, golang = false): Config => secret(ID, text, golang);
const byId = <T extends { ID: string }>(...list: T[]): Map<string, T> =>
  new Map(list.map((one) => [one.ID, one]));

const host = { nodeId: 'n', hostname: 'h', platform: { Architecture: 'x86_64', OS: 'linux' } };

function files(container: ContainerSpec, secrets: Secret[], configs: Config[]): TaskFile[] {
  const task = makeTask('t1', { container });
  const dependencies = { secrets: byId(...secrets), configs: byId(...configs) };
  return taskFiles(task, dependencies, templateContext(task, host));
}

test('secrets go to /run/secrets, configs to the root, absolute targets where they say', () => {
  const made = files(
    {
      Secrets: [
        { SecretID: 's', SecretName: 's', File: { Name: 'a' } },
        { SecretID: 's', SecretName: 's', File: { Name: '/x/b', UID: '5', GID: '6', Mode: 0o4400 } },
      ],
      Configs: [
        { ConfigID: 'c', ConfigName: 'c', File: { Name: 'd/e' } },
        { ConfigID: 'c', ConfigName: 'c', Runtime: {} },
      ],
    },
    [secret('s', 'one')],
    [config('c', 'two')],
  );
  const plain = made.map(({ content, ...rest }) => ({ ...rest, content: content.toString() }));
  assert.deepEqual(plain, [
    { target: '/run/secrets/a', content: 'one', uid: 0, gid: 0, mode: 0o444 },
    { target: '/x/b', content: 'one', uid: 5, gid: 6, mode: 0o400 },
    { target: '/d/e', content: 'two', uid: 0, gid: 0, mode: 0o444 },
  ]);
});

test('templated content knows the task, its environment, and its other secrets and configs', () => {
  const [, made] = files(
    {
      Env: ['A=1=2'],
      Secrets: [{ SecretID: 's', SecretName: 's', File: { Name: 'pw' } }],
      Configs: [{ ConfigID: 'c', ConfigName: 'c', File: { Name: 'conf' } }],
    },
    [secret('s', 'geheim')],
    [config('c', '{{.Service.Name}} {{env "A"}} {{secret "pw"}} {{.Node.Hostname}}', true)],
  );
  assert.equal(made!.content.toString(), 'web 1=2 geheim h');
});

test('of a variable that is there twice a template gets the first, of one without a value nothing', () => {
  const refs = { Configs: [{ ConfigID: 'c', ConfigName: 'c', File: { Name: 'conf' } }] };
  const [made] = files(
    { Env: ['B', 'A=1', 'A=2'], ...refs },
    [],
    [config('c', '{{env "A"}}{{env "B"}}', true)],
  );
  assert.equal(made!.content.toString(), '1');
});

test('a target that the task does not have is named', () => {
  const refs = { Configs: [{ ConfigID: 'c', ConfigName: 'c', File: { Name: 'conf' } }] };
  for (const kind of ['secret', 'config'])
    assert.throws(() => files(refs, [], [config('c', `{{${kind} "x"}}`, true)]), {
      message: new RegExp(`error calling ${kind}: ${kind} target x not found$`),
    });
});

test('content that is no text goes through a template as it is', () => {
  const refs = {
    Secrets: [{ SecretID: 's', SecretName: 's', File: { Name: 'key' } }],
    Configs: [{ ConfigID: 'c', ConfigName: 'c', File: { Name: 'conf' } }],
  };
  const bytes = Buffer.from([0xff, 0x00, 0xc3, 0x28]);
  const key: Secret = { ID: 's', ...meta, Spec: { Name: 's', Data: bytes.toString('base64') } };
  const text = Buffer.concat([bytes, Buffer.from('{{secret "key"}}')]);
  const conf: Config = {
    ID: 'c',
    ...meta,
    Spec: { Name: 'c', Data: text.toString('base64'), Templating: { Name: 'golang' } },
  };
  const [, made] = files(refs, [key], [conf]);
  assert.deepEqual(made!.content, Buffer.concat([bytes, bytes]));
});

test('a template gets the content of another one as it is stored, its own too', () => {
  const text = '{{.Task.Slot}} {{config "conf"}}';
  const refs = { Configs: [{ ConfigID: 'c', ConfigName: 'c', File: { Name: 'conf' } }] };
  const [made] = files(refs, [], [config('c', text, true)]);
  assert.equal(made!.content.toString(), `1 ${text}`);
});

test('a template that is wrong is named', () => {
  const refs = { Configs: [{ ConfigID: 'c', ConfigName: 'c', File: { Name: 'conf' } }] };
  assert.throws(() => files(refs, [], [config('c', '{{.X}}', true)]), {
    message:
      /^unable to get config from config store: failed to expand templated config c: template: expansion:1:2: .*can't evaluate field X/,
  });
});

test('what is not there is named', () => {
  const container = { Secrets: [{ SecretID: 'x', SecretName: 'pw', File: { Name: 'pw' } }] };
  assert.throws(() => files(container, [], []), { message: 'secret not found: pw' });
  const owned = { Secrets: [{ SecretID: 's', SecretName: 's', File: { Name: 'a', UID: 'root' } }] };
  assert.throws(() => files(owned, [secret('s', '')], []), /uid "root"/);
});
