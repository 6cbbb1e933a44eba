/** A task anywhere is at hand on the manager; images that only one host has; logs of a host that is cut off. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type EngineClient, readAll, unixEngine } from '../../src/engine/client.ts';
import { eventually, execute } from '../support/lab.ts';
import { CLIS, Swarm } from '../support/swarm.ts';

const MB = 1024 * 1024;

describe('at hand', { timeout: 600_000 }, () => {
  let swarm: Swarm;
  /** The manager's API. */
  let api: EngineClient;
  let folder: string;
  before(async () => {
    swarm = await Swarm.on('ha', 'hb', 'hc');
    api = unixEngine(swarm.lab.socket('ha'));
    folder = await mkdtemp(join(tmpdir(), 'essaim-at-hand-'));
    await create('--name', 'web', '--replicas', '3', '--publish', 'mode=host,target=8080', 'whoami');
    await create('--name', 'tick', '--mode', 'global', 'busybox', 'sh', '-c', TICK);
    await swarm.converge('web', 3);
    await swarm.converge('tick', 3);
  });
  after(async () => {
    api?.close();
    await swarm?.[Symbol.asyncDispose]();
    if (folder) await rm(folder, { recursive: true });
  });

  const TICK = 'trap "exit 0" TERM; while :; do i=$((i+1)); echo tick $i; sleep 0.2 & wait $!; done';
  const create = (...args: string[]) => swarm.create(...args);
  /** `web.N` and the host of each running task. */
  const slots = async (): Promise<Array<[string, string]>> =>
    (await swarm.running('web')).map(({ name, node }) => [name, node]);
  const remote = async (): Promise<[string, string]> => (await slots()).find(([, host]) => host !== 'ha')!;
  const env = () => ({ ...process.env, DOCKER_HOST: `unix://${swarm.lab.socket('ha')}` });
  const shell = (script: string) => execute('bash', ['-c', script], env());
  const hostOf = async (container: string): Promise<string> => {
    const name = await swarm.docker('inspect', '--format', '{{.Name}}', container);
    for (const host of swarm.hosts)
      if ((await swarm.containers(host, 'web')).includes(name.slice(1))) return host;
    throw new Error(`${name} is nowhere`);
  };

  for (const cli of CLIS) {
    test(`the commands about one container, on every host (${cli})`, async () => {
      const run = async (...args: string[]) => {
        const outcome = await swarm.lab.tryDocker('ha', args, cli);
        assert.equal(outcome.code, 0, `${args.join(' ')}: ${outcome.stderr}`);
        return outcome.stdout.trimEnd();
      };
      for (const [slot, host] of await slots()) {
        const [name, id] = (await run('inspect', '--format', '{{.Name}} {{.Id}}', slot)).slice(1).split(' ');
        assert.ok((await swarm.containers(host, 'web')).includes(name!));
        for (const reference of [slot, name!, id!, id!.slice(0, 12)])
          assert.equal(await run('exec', reference, 'hostname'), id!.slice(0, 12), reference);
        assert.match(await run('top', slot), /httpd/);
        assert.match(await run('port', slot), /^8080\/tcp -> 0\.0\.0\.0:\d+/);
        assert.equal(await run('stats', '--no-stream', '--format', '{{.Name}}', slot), name);
        await run('exec', '-d', slot, 'touch', '/seen');
        await eventually('it is seen', 10_000, async () => (await run('diff', slot)).includes('A /seen'));
        await run('exec', slot, 'rm', '/seen');
      }
      const [slot] = await remote();
      assert.equal((await swarm.lab.tryDocker('ha', ['exec', slot, 'sh', '-c', 'exit 5'], cli)).code, 5);
      const [node] = (await run('node', 'ls', '-q', '--filter', 'name=hb')).split('\n');
      assert.match(await run('logs', '--tail', '2', `tick.${node}`), /^tick \d+\ntick \d+$/);
    });

    test(`a terminal, the end of input, and files both ways (${cli})`, async () => {
      const [slot] = await remote();
      const typed = `(sleep 1; echo 'stty size; exit 7') | script -qec 'stty rows 33 cols 101; ${cli} exec -it ${slot} sh' /dev/null`;
      const terminal = await shell(typed);
      assert.equal(terminal.code, 7);
      assert.match(terminal.stdout, /33 101/);
      const piped = await shell(
        `head -c ${8 * MB} /dev/zero | ${cli} exec -i ${slot} sh -c 'wc -c; echo after'`,
      );
      assert.equal(piped.stdout, `${8 * MB}\nafter\n`, piped.stderr);
      const file = join(folder, 'big');
      const bytes = randomBytes(48 * MB);
      await writeFile(file, bytes);
      const copied = await shell(
        `${cli} cp ${file} ${slot}:/tmp/big && ${cli} cp ${slot}:/tmp/big ${file}.back && ${cli} exec ${slot} rm /tmp/big`,
      );
      assert.equal(copied.code, 0, copied.stderr);
      assert.ok(bytes.equals(await readFile(`${file}.back`)));
      const attached = await shell(
        `timeout -s KILL 3 ${cli} attach --no-stdin --sig-proxy=false $(${cli} service ps -q --no-trunc -f node=hb tick | head -1 | xargs -I{} ${cli} inspect --format '{{.Status.ContainerStatus.ContainerID}}' {})`,
      );
      assert.match(attached.stdout, /tick \d+\n/);
    });
  }

  test('an exec that somebody else has made is found, and a client that goes away ends it', async () => {
    const [slot, host] = await remote();
    const { Id: container } = await api.json<{ Id: string }>('GET', `/containers/${slot}/json`);
    const there = unixEngine(swarm.lab.engineSocket(host));
    const body = { Cmd: ['cat'], AttachStdin: true, AttachStdout: true };
    const { Id } = await there.json<{ Id: string }>('POST', `/containers/${container}/exec`, { body });
    const { stream } = await api.hijack('POST', `/exec/${Id}/start`, { body: { Detach: false } });
    stream.write('hello\n');
    const [first] = (await stream.iterator({ destroyOnReturn: false }).next()).value.toString().split('\n');
    assert.match(first, /hello/);
    const state = () => api.json<{ Running: boolean }>('GET', `/exec/${Id}/json`);
    assert.equal((await state()).Running, true);
    stream.destroy();
    await eventually('cat has ended', 10_000, async () => !(await state()).Running);
    const missing = api.json('GET', `/exec/${'0'.repeat(64)}/json`);
    await assert.rejects(missing, { status: 404 });
    there.close();
  });

  test('local containers come first; ids of tasks mean the task where anything is inspected', async () => {
    const [slot, host] = await remote();
    await swarm.docker('run', '-d', '--name', slot, '--hostname', 'mine', 'busybox', 'sleep', '1000');
    assert.equal(await swarm.docker('exec', slot, 'hostname'), 'mine');
    await swarm.docker('rm', '-f', slot);
    assert.equal(await hostOf(slot), host);
    const task = await swarm.docker('service', 'ps', '-q', '--no-trunc', '--filter', `name=${slot}`, 'web');
    assert.equal(await swarm.docker('inspect', '--format', '{{.Status.State}}', task), 'running');
    assert.match(
      (await swarm.tryDocker('exec', task, 'true')).stderr,
      /it is a task; its container is web\./,
    );
    assert.match(await swarm.docker('top', task), /httpd/);
    assert.match((await swarm.tryDocker('exec', 'web', 'true')).stderr, /No such container: web/);
    const worker = await swarm.lab.tryDocker('hb', ['exec', 'web.99', 'true']);
    assert.match(worker.stderr, /No such container: web\.99/);
  });

  test('an image of a task elsewhere is here, and can be used; what needs its host is refused', async () => {
    const [slot, host] = await remote();
    await swarm.docker('exec', slot, 'sh', '-c', 'echo made >/text');
    const id = await swarm.docker('commit', '--message', 'why', '--change', 'ENV A=1', slot, 'snap:1');
    assert.match(id, /^sha256:[0-9a-f]{64}$/);
    assert.equal(
      await swarm.docker('image', 'inspect', '--format', '{{.Id}} {{.Comment}}', 'snap:1'),
      `${id} why`,
    );
    const read = ['run', '--rm', '--network', 'none', 'snap:1', 'sh', '-c', 'echo $A; cat /text'];
    assert.equal(await swarm.docker(...read), '1\nmade');
    const left = ['image', 'ls', '--quiet', '--filter', 'dangling=true'];
    assert.equal(await swarm.lab.docker(host, ...left), '', 'nothing of it stays there');
    const wrong = await swarm.tryDocker('commit', slot, 'Snap');
    assert.match(wrong.stderr, /must be lowercase/);
    const away = await swarm.tryDocker('run', '--rm', '--network', `container:${slot}`, 'busybox', 'true');
    assert.ok(away.stderr.includes(`${slot} is a task on node ${host}`), away.stderr);
    const [near] = (await slots()).find(([, on]) => on === 'ha')!;
    const shared = await swarm.docker('run', '--rm', '--network', `container:${near}`, 'busybox', 'hostname');
    assert.equal(shared, await swarm.docker('exec', near, 'hostname'));
    await swarm.docker('commit', near, 'snap:1');
    await swarm.docker('rmi', 'snap:1', id);
  });

  test('stop, wait, kill, restart of a task’s container elsewhere', async () => {
    const [slot] = await remote();
    const id = () => swarm.docker('inspect', '--format', '{{.Id}}', slot);
    for (const end of [['kill'], ['stop', '-t', '1']]) {
      const ended = await id();
      const waited = swarm.docker('wait', ended);
      await swarm.docker(...end, slot);
      assert.match(await waited, /^\d+$/);
      await eventually('it is replaced', 60_000, async () => (await id().catch(() => ended)) !== ended);
      await swarm.converge('web', 3);
    }
    await swarm.docker('restart', '-t', '1', slot);
    await swarm.converge('web', 3);
  });

  test('any object is inspected by name, id or the beginning of it', async () => {
    await swarm.docker('secret', 'create', '--label', 'a=b', 'sec', '/etc/hostname');
    await swarm.docker('config', 'create', 'conf', '/etc/hostname');
    for (const [kind, name, format] of [
      ['service', 'web', '{{.Spec.Name}}'],
      ['node', 'hb', '{{.Description.Hostname}}'],
      ['secret', 'sec', '{{.Spec.Name}}'],
      ['config', 'conf', '{{.Spec.Name}}'],
    ] as const) {
      const id = await swarm.docker(kind, 'inspect', '--format', '{{.ID}}', name);
      for (const reference of [name, id, id.slice(0, 12)])
        assert.equal(await swarm.docker('inspect', '--format', format, reference), name, reference);
    }
    assert.equal(await swarm.docker('inspect', '--format', '{{.Driver}}', 'bridge'), 'bridge');
    for (const host of ['ha', 'hb']) {
      const { code, stderr } = await swarm.lab.tryDocker(host, ['inspect', 'nothing-like-it']);
      assert.equal(code, 1);
      assert.match(stderr, /No such object: nothing-like-it/);
    }
    assert.match(await swarm.docker('system', 'df'), /^TYPE +TOTAL/);
    await swarm.docker('secret', 'rm', 'sec');
    await swarm.docker('config', 'rm', 'conf');
  });

  /** An image that only that host has; every text makes another one. */
  const build = async (host: string, tag: string, text: string): Promise<string> => {
    const name = join(folder, 'Dockerfile');
    const script = `trap 'exit 0' TERM; cat /text; sleep 1000 & wait`;
    await writeFile(name, `FROM busybox\nRUN echo ${text} >/text\nCMD ["sh", "-c", "${script}"]\n`);
    await swarm.lab.docker(host, 'build', '-q', '-t', tag, folder);
    return swarm.lab.docker(host, 'images', '-q', '--no-trunc', tag);
  };
  const idsOf = (service: string) =>
    Promise.all(
      swarm.hosts.map(async (host) => {
        const [name] = await swarm.containers(host, service);
        return swarm.lab.docker(host, 'inspect', '--format', '{{.Image}}', name!);
      }),
    );

  test('an image that was built on the manager runs everywhere; the same tag only when it has moved', async () => {
    const one = await build('ha', 'app', 'one');
    const all = ['--mode', 'global', '--update-parallelism', '0', '--rollback-parallelism', '0'];
    await swarm.docker('service', 'create', '--quiet', '--name', 'app', ...all, 'app');
    assert.deepEqual(await idsOf('app'), [one, one, one]);
    const image = '{{.Spec.TaskTemplate.ContainerSpec.Image}}';
    assert.equal(await swarm.docker('service', 'inspect', '--format', image, 'app'), 'app:latest');
    const before = (await swarm.tasks('app')).length;
    await swarm.docker('service', 'update', '--quiet', '--image', 'app', 'app');
    assert.equal((await swarm.tasks('app')).length, before);
    const two = await build('ha', 'app', 'two');
    await swarm.docker('service', 'update', '--quiet', '--label-add', 'x=y', 'app');
    assert.equal((await swarm.tasks('app')).length, before);
    await swarm.docker('service', 'update', '--quiet', '--image', 'app', 'app');
    assert.deepEqual(await idsOf('app'), [two, two, two]);
    await swarm.docker('service', 'rollback', '--quiet', 'app');
    assert.deepEqual(await idsOf('app'), [one, one, one]);
    await swarm.docker('service', 'rm', 'app');
  });

  test('an image that only a worker has is copied too; one that nobody has is refused', async () => {
    const id = await build('hb', 'only-here', 'three');
    await create('--name', 'spread', '--mode', 'global', 'only-here');
    await swarm.converge('spread', 3);
    assert.deepEqual(await idsOf('spread'), [id, id, id]);
    await create('--name', 'never', '--restart-condition', 'none', 'nobody-has-it');
    const refused = await eventually('it is rejected', 60_000, async () => (await swarm.tasks('never'))[0]);
    await eventually('its reason', 60_000, async () => {
      const [task] = await swarm.tasks('never');
      return task?.error.includes('No such image: nobody-has-it:latest');
    });
    assert.ok(refused);
    await swarm.docker('service', 'rm', 'spread', 'never');
  });

  test('a host that is cut off: it is named at once, and logs go on when it is back', async () => {
    const signal = new AbortController();
    const path = '/services/tick/logs';
    const query = { follow: 1, stdout: 1, stderr: 1, details: 1, tail: 0 };
    const logs = await api.stream('GET', path, { query, signal: signal.signal });
    const reading = readAll(logs).catch(() => Buffer.alloc(0));
    const seen: Buffer[] = [];
    logs.on('data', (chunk: Buffer) => seen.push(chunk));
    const text = () => Buffer.concat(seen).toString('latin1');
    const slot = (await slots()).find(([, host]) => host === 'hc')![0];
    const { Id } = await api.json<{ Id: string }>('GET', `/containers/${slot}/json`);
    await swarm.lab.must('link', 'hc', 'down');
    await swarm.nodeBecomes('hc', 'Down', 20_000);
    const began = performance.now();
    const { code, stderr } = await swarm.tryDocker('exec', Id, 'true');
    assert.equal(code, 1);
    assert.match(stderr, /Cannot connect to the Docker daemon of node hc \(down\)/);
    assert.ok(performance.now() - began < 3000);
    const once = await swarm.tryDocker('service', 'logs', '--raw', '--tail', '1', 'tick');
    assert.match(once.stdout + once.stderr, /cannot read this task's log: node hc does not answer/);
    await swarm.lab.must('link', 'hc', 'up');
    await swarm.nodeBecomes('hc', 'Ready', 60_000);
    await swarm.converge('tick', 3);
    const replacement = await swarm.docker(
      ...['service', 'ps', '-q', '--no-trunc', '--filter', 'node=hc', '--filter', 'desired-state=running'],
      'tick',
    );
    await eventually('its new lines are followed', 20_000, async () =>
      text().includes(`task.id=${replacement} tick 1\n`),
    );
    assert.match(text(), /node hc does not answer/);
    signal.abort();
    await reading;
  });
});
