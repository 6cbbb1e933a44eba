import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { Config } from '../../../model/objects.ts';
import { type Answer, TestCluster } from '../testing/cluster.ts';

let cluster: TestCluster;

beforeEach(async () => {
  cluster = await new TestCluster().found();
});

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const invalid = (text: string): string => `rpc error: code = InvalidArgument desc = ${text}`;
const BAD_NAME = invalid(
  'invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end character must be [a-zA-Z0-9]',
);

function says(answer: Answer, status: number, message: string): void {
  assert.deepEqual({ status: answer.status, body: answer.body }, { status, body: { message } });
}

for (const { kind, limit } of [
  { kind: 'secret', limit: 512000 },
  { kind: 'config', limit: 1024000 },
] as const) {
  const path = `/${kind}s`;
  const create = (body: object) => cluster.ask('POST', `${path}/create`, { body });
  const stored = (name: string) => cluster.store.view.byName(kind, name)[0]!;
  const size = invalid(`${kind} data must be larger than 0 and less than ${limit} bytes`);

  test(`${kind}: what is refused at creation`, async () => {
    says(await create({}), 400, invalid('name must be provided'));
    says(await create({ Name: 'a b', Data: 'YQ==' }), 400, BAD_NAME);
    says(await create({ Name: 'a'.repeat(65), Data: 'YQ==' }), 400, BAD_NAME);
    says(await create({ Name: 's' }), 400, size);
    says(await create({ Name: 's', Data: base64('a'.repeat(limit)) }), 400, size);
    says(await create({ Name: 's', Data: '%%%' }), 400, 'illegal base64 data at input byte 0');
    says(await create({ Name: 's', Data: 'YQ' }), 400, 'illegal base64 data at input byte 0');
    says(await create({ Name: 's', Data: 'aGVsbG8' }), 400, 'illegal base64 data at input byte 4');
    assert.equal((await create({ Name: 's', Data: base64('a'.repeat(limit - 1)) })).status, 201);
    says(
      await create({ Name: 'S', Data: 'YQ==' }),
      409,
      `rpc error: code = AlreadyExists desc = ${kind} S already exists`,
    );
  });

  test(`${kind}: created, shown, listed`, async () => {
    const { status, body } = await create({
      Name: 'one',
      Data: 'YQ==',
      Labels: { x: '1' },
      Templating: { Name: 'golang' },
    });
    const { ID } = body as { ID: string };
    assert.deepEqual([status, body], [201, { ID }]);
    await create({ Name: 'one-more', Data: 'YQ==' });
    const shown = (await cluster.ask('GET', `${path}/one`)).body as Config;
    const data = kind === 'config' ? { Data: 'YQ==' } : {};
    assert.deepEqual(shown.Spec, {
      Name: 'one',
      Labels: { x: '1' },
      ...data,
      Templating: { Name: 'golang' },
    });
    assert.equal('internal' in shown, false);
    const names = async (filters: object): Promise<string[]> => {
      const { body } = await cluster.ask('GET', `${path}?filters=${JSON.stringify(filters)}`);
      return (body as Config[]).map(({ Spec }) => Spec.Name!);
    };
    assert.deepEqual(await names({}), ['one', 'one-more']);
    assert.deepEqual(await names({ name: ['one'] }), ['one', 'one-more']);
    assert.deepEqual(await names({ id: [ID], name: ['one-'] }), ['one', 'one-more']);
    assert.deepEqual(await names({ id: [ID], name: ['one-'], label: ['x'] }), ['one']);
    assert.deepEqual(await names({ label: ['x=2'] }), []);
    if (kind === 'secret') assert.deepEqual(await names({ names: ['one'] }), ['one']);
    else says(await cluster.ask('GET', '/configs?filters={"names":["x"]}'), 400, "invalid filter 'names'");
  });

  test(`${kind}: where content is fixed, only labels change`, async () => {
    const [found] = cluster.store.view.all('cluster');
    const Spec = { ...found!.Spec, Labels: { 'essaim.contents': 'fixed' } };
    await cluster.put({ op: 'put', kind: 'cluster', object: { ...found!, Spec } });
    await create({ Name: 's', Data: 'YQ==', Templating: { Name: 'golang' } });
    const update = (body: object, version: number | string = stored('s').Version.Index) =>
      cluster.ask('POST', `${path}/s/update?version=${version}`, { body });
    says(await update({ Name: 's' }, 'x'), 400, `invalid ${kind} version`);
    says(await update({ Name: 's' }, 1), 500, 'rpc error: code = Unknown desc = update out of sequence');
    const only = invalid('only updates to Labels are allowed');
    says(await update({ Name: 's', Data: 'Yg==' }), 400, only);
    says(await update({ Name: 'q' }), 400, only);
    assert.equal((await update({ Name: 's', Data: 'YQ==', Labels: { a: 'b' } })).status, 200);
    assert.deepEqual(stored('s').Spec, {
      Name: 's',
      Labels: { a: 'b' },
      Data: 'YQ==',
      Templating: { Name: 'golang' },
    });
    assert.equal((await update({ Name: 's' })).status, 200);
    assert.deepEqual(stored('s').Spec.Labels, {});
  });

  test(`${kind}: not removed while a service uses it`, async () => {
    await create({ Name: 's', Data: 'YQ==' });
    const { ID } = stored('s');
    const reference =
      kind === 'secret'
        ? { Secrets: [{ SecretID: ID, SecretName: 's', File: { Name: 'x' } }] }
        : { Configs: [{ ConfigID: ID, ConfigName: 's', File: { Name: 'x' } }] };
    for (const Name of ['a', 'b']) {
      const body = { Name, TaskTemplate: { ContainerSpec: { Image: 'busybox', ...reference } } };
      assert.equal((await cluster.ask('POST', '/services/create', { body })).status, 201);
    }
    const remove = () => cluster.ask('DELETE', `${path}/s`);
    says(await remove(), 400, invalid(`${kind} 's' is in use by the following services: a, b`));
    await cluster.ask('DELETE', '/services/a');
    says(await remove(), 400, invalid(`${kind} 's' is in use by the following service: b`));
    await cluster.ask('DELETE', '/services/b');
    assert.equal((await remove()).status, 204);
    says(await remove(), 404, `${kind} s not found`);
  });
}

test('secret drivers are plugins, of which there are none', async () => {
  const create = (Driver: object) => cluster.ask('POST', '/secrets/create', { body: { Name: 's', Driver } });
  says(await create({}), 400, invalid('secret driver must have a name'));
  says(await create({ Name: 'vault' }), 500, 'rpc error: code = Unknown desc = plugin "vault" not found');
});
