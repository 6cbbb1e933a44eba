import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Fate, MiniCluster } from '../../../../test/support/mini-cluster.ts';
import { contentKey } from '../../../model/contents.ts';
import type { Service, Task } from '../../../model/objects.ts';
import type { ServiceSpec } from '../../../model/spec.ts';
import { isTerminal } from '../../../model/task-state.ts';
import { TestCluster } from '../testing/cluster.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** The API before a control plane whose agents do as they are told. */
class Whole implements AsyncDisposable {
  readonly api = new TestCluster();
  readonly control = new MiniCluster({ store: this.api.store });

  static async start(): Promise<Whole> {
    const whole = new Whole();
    await whole.api.found();
    for (const id of ['n1', 'n2']) await whole.control.addNode(id);
    whole.control.start();
    await whole.advance(10);
    return whole;
  }

  async advance(ms: number): Promise<void> {
    await this.control.advance(ms);
    this.api.now = this.control.clock.now();
  }

  async post(path: string, body: object): Promise<void> {
    const { status, text } = await this.api.ask('POST', path, { body });
    assert.ok(status === 200 || status === 201, text);
  }

  /** As `docker stack deploy` writes a config: there or not, this is its content. */
  async deploy(name: string, content: string, more: object = {}): Promise<void> {
    const [config] = this.api.store.view.byName('config', name);
    const body = { Name: name, Data: base64(content), ...more };
    if (!config) await this.post('/configs/create', body);
    else await this.post(`/configs/${config.ID}/update?version=${config.Version.Index}`, body);
  }

  spec(name: string, configs: string[], more: ServiceSpec = {}): ServiceSpec {
    const Configs = configs.map((config) => {
      const ConfigID = this.api.store.view.byName('config', config)[0]!.ID;
      return { ConfigID, ConfigName: config, File: { Name: config, UID: '0', GID: '0', Mode: 0o444 } };
    });
    return {
      Name: name,
      TaskTemplate: { ContainerSpec: { Image: 'busybox', Configs } },
      Mode: { Replicated: { Replicas: 2 } },
      ...more,
    };
  }

  service(name: string): Service {
    return this.api.store.view.byName('service', name)[0]!;
  }

  async update(name: string, spec: ServiceSpec, query = ''): Promise<void> {
    const { ID, Version } = this.service(name);
    await this.post(`/services/${ID}/update?version=${Version.Index}${query}`, spec);
  }

  running(name: string): Task[] {
    return this.control.running(this.service(name).ID);
  }

  /** What a task sees in a config, as the manager would send it to the task's node. */
  content(task: Task, config: string): string | undefined {
    const { view } = this.api.store;
    const object = view.byName('config', config)[0];
    if (!object) return undefined;
    const version = task.internal.contents?.[object.ID] ?? 0;
    const old = view.get('oldContent', contentKey(object.ID, version));
    const data = old
      ? old.Data
      : object.internal.contentVersion === (version || undefined) && object.Spec.Data;
    return typeof data === 'string' ? Buffer.from(data, 'base64').toString() : undefined;
  }

  contents(name: string, config: string): Array<string | undefined> {
    return this.running(name).map((task) => this.content(task, config));
  }

  ids(name: string): string[] {
    return this.running(name)
      .map(({ ID }) => ID)
      .sort();
  }

  get kept(): number {
    return this.api.store.view.count('oldContent');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.control[Symbol.asyncDispose]();
  }
}

async function withService(more: ServiceSpec = {}): Promise<Whole> {
  const whole = await Whole.start();
  await whole.deploy('c', 'one');
  await whole.deploy('other', 'x');
  await whole.post('/services/create', whole.spec('web', ['c'], more));
  await whole.post('/services/create', whole.spec('aside', ['other']));
  await whole.advance(1000);
  assert.deepEqual(whole.contents('web', 'c'), ['one', 'one']);
  return whole;
}

test('new content rolls the services that use it, and only those; what was before is kept to go back to', async () => {
  await using whole = await withService({ UpdateConfig: { Parallelism: 1, Delay: 5e9 } });
  const [web, aside] = [whole.ids('web'), whole.ids('aside')];
  await whole.deploy('c', 'one', { Labels: { a: 'b' } });
  await whole.advance(60_000);
  assert.deepEqual([whole.ids('web'), whole.ids('aside')], [web, aside]);

  const { Spec } = whole.service('web');
  await whole.deploy('c', 'two');
  await whole.advance(3000);
  assert.equal(whole.service('web').UpdateStatus?.State, 'updating');
  assert.equal(whole.ids('web').filter((id) => web.includes(id)).length, 1);
  await whole.advance(60_000);
  assert.deepEqual(whole.contents('web', 'c'), ['two', 'two']);
  assert.equal(whole.service('web').UpdateStatus?.State, 'completed');
  assert.deepEqual(whole.service('web').Spec, Spec);
  assert.deepEqual(whole.ids('aside'), aside);
  assert.equal(whole.kept, 1);

  await whole.update('web', Spec, '&rollback=previous');
  await whole.advance(60_000);
  assert.deepEqual(whole.contents('web', 'c'), ['one', 'one']);
  assert.equal(whole.service('web').UpdateStatus?.State, 'rollback_completed');
  await whole.update('web', { ...Spec, Labels: { scaled: 'later' } });
  await whole.advance(60_000);
  assert.deepEqual(whole.contents('web', 'c'), ['one', 'one']);

  await whole.deploy('c', 'two');
  await whole.advance(60_000);
  assert.deepEqual(whole.contents('web', 'c'), ['two', 'two']);
  await whole.api.ask('DELETE', '/services/web');
  await whole.advance(60_000);
  assert.equal(whole.kept, 0);
  assert.deepEqual(whole.control.logged, []);
});

test('content and spec that change together are one update, and one to go back on', async () => {
  await using whole = await withService();
  const { Spec } = whole.service('web');
  await whole.deploy('c', 'two');
  const next = whole.spec('web', ['c']);
  next.TaskTemplate!.ContainerSpec!.Image = 'busybox:2';
  // Meanwhile the allocator, or an update before, writes to the service.
  const { Version } = whole.service('web');
  await whole.control.change('service', whole.service('web').ID, (service) => service);
  await whole.post(`/services/web/update?version=${Version.Index}`, next);
  await whole.advance(60_000);
  assert.deepEqual(whole.contents('web', 'c'), ['two', 'two']);
  assert.equal(whole.control.tasks(whole.service('web').ID).length, 4);
  const { status } = await whole.api.ask('POST', `/services/web/update?version=${Version.Index}`, {
    body: next,
  });
  assert.equal(status, 500);
  await whole.update('web', next, '&rollback=previous');
  await whole.advance(60_000);
  assert.deepEqual(whole.contents('web', 'c'), ['one', 'one']);
  assert.deepEqual(whole.service('web').Spec, Spec);
});

test('the same spec posted after new content, at once or later, does not forget what was before', async () => {
  await using whole = await withService();
  const { Spec } = whole.service('web');
  await whole.deploy('c', 'two');
  await whole.update('web', Spec);
  await whole.advance(60_000);
  await whole.deploy('c', 'two');
  await whole.update('web', Spec);
  await whole.advance(60_000);
  assert.equal(whole.control.tasks(whole.service('web').ID).length, 4);
  await whole.update('web', Spec, '&rollback=previous');
  await whole.advance(60_000);
  assert.deepEqual(whole.contents('web', 'c'), ['one', 'one']);
});

test('content with which tasks fail is rolled back by itself', async () => {
  const UpdateConfig = { Parallelism: 1, FailureAction: 'rollback', Monitor: 5e9 };
  await using whole = await withService({ UpdateConfig });
  const bad: Fate = { state: 'failed', after: 100, exitCode: 1 };
  whole.control.fate = (task) => (whole.content(task, 'c') === 'bad' ? bad : undefined);
  await whole.deploy('c', 'bad');
  await whole.advance(60_000);
  assert.deepEqual(whole.contents('web', 'c'), ['one', 'one']);
  assert.equal(whole.service('web').UpdateStatus?.State, 'rollback_completed');
});

test('a job runs anew with new content; content is Templating too', async () => {
  await using whole = await Whole.start();
  whole.control.fate = () => ({ state: 'complete', after: 100 });
  await whole.deploy('c', 'one');
  await whole.post('/services/create', whole.spec('job', ['c'], { Mode: { ReplicatedJob: {} } }));
  await whole.advance(1000);
  await whole.deploy('c', 'one', { Templating: { Name: 'golang' } });
  await whole.advance(10_000);
  assert.equal(whole.service('job').JobStatus?.JobIteration.Index, 1);
  const done = whole.control.tasks(whole.service('job').ID).filter((t) => t.Status.State === 'complete');
  assert.deepEqual(
    done.map(({ internal }) => Object.values(internal.contents ?? {})),
    [[], [1]],
  );
});

test('whatever is done, tasks come to the content their service stands for, and nothing is kept in vain', async () => {
  const action = fc.oneof(
    fc.record({
      do: fc.constant('deploy' as const),
      config: fc.constantFrom('a', 'b'),
      text: fc.constantFrom('1', '2', '3'),
    }),
    fc.record({
      do: fc.constantFrom('rollback', 'touch', 'image', 'drop'),
      service: fc.constantFrom('x', 'y'),
    }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 500, 3000, 30_000) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 25 }), async (actions) => {
      await using whole = await Whole.start();
      await whole.deploy('a', '1');
      await whole.deploy('b', '1');
      await whole.post('/services/create', whole.spec('x', ['a', 'b']));
      await whole.post('/services/create', whole.spec('y', ['b']));
      for (const step of actions) {
        if (step.do === 'wait') await whole.advance((step as { ms: number }).ms);
        else if (step.do === 'deploy') {
          const { config, text } = step as { config: string; text: string };
          await whole.deploy(config, text);
        } else {
          const { service: name } = step as { service: string };
          const { Spec, PreviousSpec } = whole.service(name);
          const next = structuredClone(Spec);
          if (step.do === 'image') next.TaskTemplate!.ContainerSpec!.Image += '1';
          if (step.do === 'drop') next.TaskTemplate!.ContainerSpec!.Configs = [];
          if (step.do !== 'rollback') await whole.update(name, next);
          else if (PreviousSpec) await whole.update(name, Spec, '&rollback=previous');
        }
        for (const task of whole.api.store.view.all('task')) {
          if (isTerminal(task.Status.State)) continue;
          for (const { ConfigName } of task.Spec.ContainerSpec?.Configs ?? [])
            assert.notEqual(whole.content(task, ConfigName!), undefined, `${task.ID} lost ${ConfigName}`);
        }
      }
      await whole.advance(200_000);
      for (const name of ['x', 'y']) {
        const { Spec, internal } = whole.service(name);
        const tasks = whole.running(name);
        assert.equal(tasks.length, 2);
        for (const task of tasks) {
          assert.deepEqual(task.Spec, Spec.TaskTemplate);
          assert.deepEqual(task.internal.contents, internal.contents);
        }
      }
      for (const name of ['x', 'y']) await whole.api.ask('DELETE', `/services/${name}`);
      await whole.advance(200_000);
      assert.equal(whole.kept, 0);
      assert.deepEqual(whole.control.logged, []);
    }),
    { numRuns: 40 },
  );
});
