/** Containers of one's own on attachable networks, and `essaim network check`, on real hosts. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually, execute, type Outcome } from '../support/lab.ts';
import { CLIS, Swarm } from '../support/swarm.ts';

const ESSAIM = fileURLToPath(new URL('../../bin/essaim', import.meta.url));
const [MANAGER, NEAR, FAR] = ['ata', 'atb', 'atc'] as const;
const KILL_DAEMON = 'kill -9 $(cut -d" " -f1 /run/essaim.process)';
const SLEEP = ['busybox', 'sleep', '1000000'];
const NOT_ATTACHABLE =
  /Could not attach to network closed: rpc error: code = PermissionDenied desc = network closed not manually attachable/;

describe('attachable networks', { timeout: 600_000 }, () => {
  let swarm: Swarm;
  before(async () => {
    swarm = await Swarm.on(MANAGER, NEAR, FAR);
    await swarm.docker('network', 'create', '-d', 'overlay', '--attachable', 'app');
    await swarm.docker('network', 'create', '-d', 'overlay', 'closed');
    const service = ['--detach', '--no-resolve-image', '--network', 'app'];
    await swarm.docker('service', 'create', ...service, '--name', 'web', '--replicas', '2', 'whoami');
    await swarm.docker('service', 'create', ...service, '--name', 'client', '--mode', 'global', ...SLEEP);
    await swarm.converge('web', 2);
    await swarm.converge('client', 3);
  });
  after(() => swarm?.[Symbol.asyncDispose]());

  const on = (host: string, ...args: string[]) => swarm.lab.docker(host, ...args);
  const tryOn = (host: string, ...args: string[]) => swarm.lab.tryDocker(host, args);
  const box = (host: string, name: string, ...args: string[]) =>
    on(host, 'run', '-d', '--name', name, '--network', 'app', ...args, ...SLEEP);
  const addressOf = (host: string, name: string) =>
    on(host, 'inspect', '-f', '{{.NetworkSettings.Networks.app.IPAddress}}', name);
  /** What a container finds when it asks its resolver. */
  async function lookUp(host: string, container: string, name: string): Promise<string[]> {
    const { stdout } = await tryOn(host, 'exec', container, 'nslookup', name);
    const answer = stdout.split('\n\n').slice(1).join('\n');
    return [...answer.matchAll(/^Address: (.+)$/gm)].map((match) => match[1]!).sort();
  }
  async function client(host: string): Promise<string> {
    return (await swarm.containers(host, 'client'))[0]!;
  }
  async function finds(host: string, container: string, name: string, addresses: string[]): Promise<void> {
    const wanted = JSON.stringify(addresses.toSorted());
    let found = '';
    await eventually(
      `${container} on ${host} finds ${name} at ${wanted}`,
      30_000,
      async () => {
        found = JSON.stringify(await lookUp(host, container, name));
        return found === wanted;
      },
      async () => `it finds ${found}`,
    );
  }
  async function reaches(host: string, container: string, name: string): Promise<void> {
    const ping = ['exec', container, 'ping', '-c', '1', '-W', '2', name];
    await eventually(`${container} on ${host} reaches ${name}`, 20_000, async () => {
      return (await tryOn(host, ...ping)).code === 0;
    });
  }
  /** Nobody has the address any more: a container that asks for it gets it. */
  async function becomesFree(address: string): Promise<void> {
    const args = ['run', '--rm', '--network', 'app', '--ip', address, 'busybox', 'true'];
    let last: Outcome | undefined;
    await eventually(
      `${address} is free`,
      90_000,
      async () => {
        last = await tryOn(MANAGER, ...args);
        return last.code === 0;
      },
      async () => last!.stderr,
    );
  }

  test('containers on any host reach services and each other by name, alias and id, and are reached', async () => {
    await box(NEAR, 'near', '--network-alias', 'tool');
    const far = await box(FAR, 'far', '--network-alias', 'tool');
    await box(MANAGER, 'mine', '--ip', '10.0.1.200');
    const addresses = [
      await addressOf(NEAR, 'near'),
      await addressOf(FAR, 'far'),
      await addressOf(MANAGER, 'mine'),
    ];
    assert.equal(new Set(addresses).size, 3);
    assert.equal(addresses[2], '10.0.1.200');
    const places = [
      [NEAR, 'near'],
      [FAR, 'far'],
      [MANAGER, 'mine'],
      [MANAGER, await client(MANAGER)],
      [FAR, await client(FAR)],
    ] as const;
    for (const [host, container] of places) {
      await finds(host, container, 'near', [addresses[0]!]);
      await finds(host, container, far.slice(0, 12), [addresses[1]!]);
      await finds(host, container, 'tool', addresses.slice(0, 2));
      await finds(host, container, 'mine.app', [addresses[2]!]);
      for (const name of ['near', 'far', 'mine', 'tool']) await reaches(host, container, name);
      const page = await on(host, 'exec', container, 'wget', '-qO-', 'http://web:8080/cgi-bin/index.cgi');
      assert.match(page, /[0-9a-f]{12}/);
    }
    const shown = JSON.parse(await on(NEAR, 'network', 'inspect', 'app')) as [{ Containers: object }];
    const names = Object.values(shown[0].Containers).map(({ Name }) => Name as string);
    assert.ok(names.includes('near') && !names.includes('far'), names.join());
  });

  test('the old CLI, create, connect and disconnect', async () => {
    const old = (...args: string[]) => swarm.lab.tryDocker(FAR, args, CLIS[1]);
    for (const args of [
      ['create', '--name', 'old', '--network', 'app', '--network-alias', 'young', ...SLEEP],
      // One that does not run may be connected anew.
      ['network', 'connect', '--alias', 'oldie', 'app', 'old'],
      ['start', 'old'],
      ['run', '-d', '--name', 'later', ...SLEEP],
      ['network', 'connect', '--alias', 'latest', '--ip', '10.0.1.201', 'app', 'later'],
    ]) {
      const { code, stderr } = await old(...args);
      assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
    }
    await finds(NEAR, 'near', 'oldie', [await addressOf(FAR, 'old')]);
    await finds(NEAR, 'near', 'latest', ['10.0.1.201']);
    await reaches(NEAR, 'near', 'later');
    const again = await old('network', 'connect', 'app', 'later');
    assert.match(again.stderr, /later is already attached to network app/);
    const shown = await on(FAR, 'inspect', '-f', '{{json .NetworkSettings.Networks.app}}', 'old');
    const { NetworkID, Aliases } = JSON.parse(shown) as { NetworkID: string; Aliases: string[] };
    assert.equal(NetworkID, (await on(FAR, 'network', 'inspect', '-f', '{{.Id}}', 'app')).trim());
    assert.equal(Aliases[0], 'oldie');
    await finds(NEAR, 'near', 'young', []);
    assert.equal((await old('network', 'disconnect', 'app', 'later')).code, 0);
    await becomesFree('10.0.1.201');
    await finds(NEAR, 'near', 'latest', []);
    assert.equal((await old('rm', '-f', 'old', 'later')).code, 0);
    await finds(NEAR, 'near', 'oldie', []);
  });

  test('a container that is connected later finds names of all hosts, and those that it found before', async () => {
    for (const args of [
      ['network', 'create', 'own'],
      ['run', '-d', '--name', 'beside', '--network', 'own', ...SLEEP],
      ['run', '-d', '--name', 'late', '--network', 'own', ...SLEEP],
      ['network', 'connect', 'app', 'late'],
    ])
      await on(FAR, ...args);
    const beside = await on(FAR, 'inspect', '-f', '{{.NetworkSettings.Networks.own.IPAddress}}', 'beside');
    const format = '{{range .Endpoint.VirtualIPs}}{{.Addr}}{{end}}';
    const [vip] = (await swarm.docker('service', 'inspect', '-f', format, 'web')).split('/');
    const findsAll = async (): Promise<void> => {
      await finds(FAR, 'late', 'web', [vip!]);
      await finds(FAR, 'late', 'near', [await addressOf(NEAR, 'near')]);
      await finds(FAR, 'late', 'beside', [beside]);
    };
    await findsAll();
    await on(FAR, 'restart', '-t', '0', 'late');
    await findsAll();
    await swarm.lab.ssh(FAR, KILL_DAEMON);
    await swarm.lab.must('start', FAR);
    await findsAll();
    assert.equal(
      await on(FAR, 'inspect', '-f', '{{.NetworkSettings.Networks.app.DriverOpts}}', 'late'),
      'map[]',
    );
    await on(FAR, 'network', 'disconnect', 'app', 'late');
    await finds(FAR, 'late', 'web', []);
    await finds(FAR, 'late', 'beside', [beside]);
    await on(FAR, 'rm', '-f', 'late', 'beside');
    await on(FAR, 'network', 'rm', 'own');
  });

  test('ambassadors: a container on one host stands for a database on another, as before there were overlays', async () => {
    const names: Array<[host: string, name: string]> = [];
    const run = async (host: string, name: string, ...args: string[]): Promise<void> => {
      names.push([host, name]);
      await on(host, 'run', '-d', '--name', name, ...args);
    };
    // Passes on what comes to its port to whatever its link, or its user, has named.
    const passOn = ['sh', '-c', 'exec nc -ll -p 6379 -e nc $DB_PORT_6379_TCP_ADDR $DB_PORT_6379_TCP_PORT'];
    const database = ['sh', '-c', 'exec nc -ll -p 6379 -e echo "what the database says"'];
    await run(NEAR, 'db', '--expose', '6379', 'busybox', ...database);
    await run(NEAR, 'there', '--link', 'db', '-p', '6379:6379', 'busybox', ...passOn);
    const place = [
      '-e',
      `DB_PORT_6379_TCP_ADDR=${await swarm.lab.address(NEAR)}`,
      '-e',
      'DB_PORT_6379_TCP_PORT=6379',
    ];
    await run(FAR, 'here', '--expose', '6379', ...place, 'busybox', ...passOn);
    await run(FAR, 'user', '--link', 'here:db', ...SLEEP);
    const ask = ['sh', '-c', 'nc -w 2 $DB_PORT_6379_TCP_ADDR $DB_PORT_6379_TCP_PORT </dev/null'];
    await eventually('the database answers on the other host', 20_000, async () => {
      return (await tryOn(FAR, 'exec', 'user', ...ask)).stdout === 'what the database says\n';
    });
    // With an overlay there is nothing to stand in between.
    await on(NEAR, 'network', 'connect', '--alias', 'db', 'app', 'db');
    await box(FAR, 'direct');
    names.push([FAR, 'direct']);
    await eventually('the database is found by its name', 20_000, async () => {
      return (
        (await tryOn(FAR, 'exec', 'direct', 'nc', '-w', '2', 'db', '6379')).stdout ===
        'what the database says\n'
      );
    });
    for (const [host, name] of names) await on(host, 'rm', '-f', name);
  });

  test('what is refused, in Docker’s words', async () => {
    const run = ['run', '--rm', '--network'];
    for (const host of [MANAGER, FAR]) {
      assert.match((await tryOn(host, ...run, 'closed', 'busybox', 'true')).stderr, NOT_ATTACHABLE);
      assert.match(
        (await tryOn(host, 'network', 'connect', 'closed', await client(host))).stderr,
        /is a task/,
      );
      assert.match(
        (await tryOn(host, ...run, 'nowhere', 'busybox', 'true')).stderr,
        /network nowhere not found/,
      );
    }
    assert.match((await tryOn(NEAR, 'network', 'connect', 'closed', 'near')).stderr, NOT_ATTACHABLE);
    const taken = await tryOn(FAR, ...run, 'app', '--ip', '10.0.1.200', 'busybox', 'true');
    assert.match(taken.stderr, /Address already in use/);
    await swarm.docker('network', 'create', '-d', 'overlay', '--attachable', 'small');
    await on(FAR, 'run', '-d', '--name', 'holder', '--network', 'small', ...SLEEP);
    const { stderr } = await swarm.tryDocker('network', 'rm', 'small');
    assert.match(stderr, /rpc error: code = FailedPrecondition desc = network \w+ is in use by task \w+/);
    await on(FAR, 'rm', '-f', 'holder');
    await swarm.docker('network', 'rm', 'small');
  });

  test('an address outlives stops, restarts of the daemon and of the whole host', async () => {
    await box(NEAR, 'always', '--restart', 'always');
    const wanted = [await addressOf(NEAR, 'near'), await addressOf(NEAR, 'always')];
    await on(NEAR, 'stop', '-t', '0', 'near');
    await finds(FAR, 'far', 'near', []);
    await on(NEAR, 'start', 'near');
    await on(NEAR, 'restart', '-t', '0', 'always');
    await swarm.lab.ssh(NEAR, KILL_DAEMON);
    await swarm.lab.must('start', NEAR);
    assert.deepEqual([await addressOf(NEAR, 'near'), await addressOf(NEAR, 'always')], wanted);
    await reaches(FAR, 'far', 'near');
    await on(NEAR, 'rename', 'near', 'renamed');
    await finds(FAR, 'far', 'renamed', [wanted[0]!]);
    // An engine that found nobody to bring its containers onto networks would wait for long, for one after the other.
    for (const name of ['always2', 'always3']) await box(NEAR, name, '--restart', 'always');
    await swarm.lab.must('kill', NEAR);
    await swarm.lab.must('start', NEAR);
    await eventually('the engine’s restart policy holds', 10_000, async () => {
      const names = ['always', 'always2', 'always3'];
      const running = await on(NEAR, 'inspect', '-f', '{{.State.Running}}', ...names);
      return running === 'true\ntrue\ntrue';
    });
    await on(NEAR, 'rm', '-f', 'always2', 'always3');
    await on(NEAR, 'start', 'renamed');
    assert.deepEqual([await addressOf(NEAR, 'renamed'), await addressOf(NEAR, 'always')], wanted);
    await swarm.nodeBecomes(NEAR, 'Ready', 30_000);
    for (const name of ['renamed', 'always']) await reaches(FAR, 'far', name);
  });

  test('what went while nobody looked is given back', async () => {
    const address = await addressOf(NEAR, 'always');
    // An engine that has to take a running one off its networks would wait for the daemon.
    await on(NEAR, 'stop', '-t', '0', 'always');
    await swarm.lab.ssh(NEAR, KILL_DAEMON);
    await swarm.lab.ssh(NEAR, 'docker -H unix:///run/engine.sock rm -f always');
    await swarm.lab.must('start', NEAR);
    await becomesFree(address);
    const other = await addressOf(FAR, 'far');
    await swarm.lab.ssh(MANAGER, KILL_DAEMON);
    await on(FAR, 'rm', '-f', 'far');
    await swarm.lab.must('start', MANAGER);
    await becomesFree(other);
    await on(NEAR, 'rm', '-f', 'renamed');
    await on(MANAGER, 'rm', '-f', 'mine');
  });

  function check(host: string, ...args: string[]): Promise<Outcome> {
    const DOCKER_HOST = `unix://${swarm.lab.socket(host)}`;
    return execute(ESSAIM, ['network', 'check', ...args], { ...process.env, DOCKER_HOST });
  }

  test('essaim network check says what differs on which host, and who does not answer', async () => {
    let last: Outcome | undefined;
    const wellKnown = () => JSON.stringify(last);
    await eventually(
      'all is well',
      40_000,
      async () => {
        last = await check(MANAGER);
        return last.code === 0;
      },
      async () => wellKnown(),
    );
    for (const host of swarm.hosts) assert.match(last!.stdout, new RegExp(`^${host} +as wanted +[12] `, 'm'));
    const flush = 'for n in $(ip netns list | cut -d" " -f1); do ip -n $n -4 neigh flush nud permanent; done';
    await eventually(
      'a difference is seen before it is mended',
      60_000,
      async () => {
        await swarm.lab.ssh(FAR, flush);
        last = await check(MANAGER);
        return last.code === 1;
      },
      async () => wellKnown(),
    );
    assert.match(
      last!.stdout,
      new RegExp(`^${FAR}: network app: neighbour br0 10\\.0\\.1\\.\\d+ is missing$`, 'm'),
    );
    await eventually(
      'it is mended, and that is counted',
      40_000,
      async () => {
        last = await check(MANAGER, '--format', 'json');
        const { hosts } = JSON.parse(last.stdout) as { hosts: Array<{ host: string; mended: number }> };
        if (last.code === 0 && hosts.find(({ host }) => host === FAR)!.mended > 0) return true;
        // What a change of the network has put right in passing is no drift that was found.
        if (last.code === 0) await swarm.lab.ssh(FAR, flush);
        return false;
      },
      async () => wellKnown(),
    );
    assert.match((await check(FAR)).stderr, /This node is not a swarm manager/);
    await swarm.lab.ssh(FAR, KILL_DAEMON);
    last = await check(MANAGER);
    assert.equal(last.code, 1);
    assert.match(last.stdout, new RegExp(`^${FAR}: does not answer`, 'm'));
    await swarm.lab.must('start', FAR);
  });
});
