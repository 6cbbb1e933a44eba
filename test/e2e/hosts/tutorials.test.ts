/** What tutorials of docker-machine type, with the driver's name changed, on lab hosts. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { imagesTar } from '../../support/images.ts';
import { eventually, execute, Lab } from '../../support/lab.ts';

const BIN = fileURLToPath(new URL('../../../bin', import.meta.url));
const PORT = 14243;

describe("docker-machine's lines", { timeout: 600_000 }, () => {
  let lab: Lab;
  let service: ChildProcess;
  /** As if each line were typed in one shell; what went before counts. */
  let typed = '';
  const shell = async (line: string): Promise<string> => {
    const env = { ...process.env, ESSAIM_HOME: lab.home, PATH: `${BIN}:${process.env.PATH}`, ...ENV };
    const { code, stdout, stderr } = await execute('bash', ['-ec', `${typed}\n${line}`], env);
    assert.equal(code, 0, `${line}\n${stdout}${stderr}`);
    if (/^(eval|export|unset)\b/.test(line)) typed += `${line}\n`;
    return stdout.trimEnd();
  };
  const address = Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .find(({ internal, family }) => !internal && family === 'IPv4')!.address;
  const ENV = { SWARM_DISCOVERY_SERVICE: `http://${address}:${PORT}/v1` };
  before(async () => {
    lab = await Lab.with();
    service = spawn(join(BIN, 'essaim'), ['discovery', '--host', `tcp://0.0.0.0:${PORT}`], {
      stdio: 'ignore',
    });
  });
  after(async () => {
    service.kill();
    await lab[Symbol.asyncDispose]();
  });

  test('a swarm with a token: master, nodes, and ls as it was', async () => {
    assert.match(await shell('docker-machine -v'), /^docker-machine version /);
    const id = await eventually('a token', 30_000, () => shell('swarm create 2>/dev/null'));
    assert.match(id, /^[0-9a-f]{32}$/);
    await shell(
      `docker-machine create -d lab --swarm --swarm-master --swarm-discovery token://${id} swarm-master`,
    );
    await shell('eval "$(docker-machine env swarm-master)"');
    const node = `docker-machine create -d lab --swarm --swarm-discovery token://${id}`;
    await shell(`${node} swarm-node-01`);
    await shell(`${node} swarm-node-02`);
    const rows = (await shell('docker-machine ls')).split('\n');
    assert.match(rows[0]!, /^NAME +ACTIVE +DRIVER +STATE +URL +SWARM +DOCKER +ERRORS$/);
    assert.match(rows[1]!, /^swarm-master +\* +lab +Running +tcp:\S+:2376 +swarm-master \(master\) +v\d/);
    assert.match(rows[2]!, /^swarm-node-01 +- +lab +Running +tcp:\S+:2376 +swarm-master +v\d/);
    assert.equal(await shell('docker-machine active'), 'swarm-master');
    await lab.must('load', 'swarm-master', 'swarm-node-01', 'swarm-node-02', await imagesTar());
    await shell('eval "$(docker-machine env swarm-node-02)"');
    await shell('docker run -d --name db -e MYSQL_ROOT_PASSWORD=root whoami');
    assert.equal(await shell('docker ps --format "{{.Names}}"'), 'db');
    await shell('eval "$(docker-machine env --swarm swarm-master)"');
    assert.match(await shell('docker info'), /Nodes: 3/);
    assert.match(await shell('docker ps --format "{{.Names}}"'), /swarm-node-02\/db/);
    assert.match(await shell('docker-machine ls'), /^swarm-master +\* \(swarm\)/m);
    // They are known where they were to be known.
    const known = await eventually('three are known', 30_000, async () => {
      const lines = (await shell(`swarm list token://${id} 2>/dev/null`)).split('\n');
      return lines.length === 3 && lines;
    });
    const ips = await Promise.all(
      ['swarm-master', 'swarm-node-01', 'swarm-node-02'].map((n) => lab.must('ip', n)),
    );
    assert.deepEqual(known.sort(), ips.map((ip) => `${ip}:2376`).sort());
  });

  test('everything else that is asked of a machine', async () => {
    const ip = await lab.must('ip', 'swarm-node-01');
    assert.equal(await shell('docker-machine url swarm-node-01'), `tcp://${ip}:2376`);
    assert.equal(await shell('docker-machine status swarm-node-01'), 'Running');
    assert.equal(await shell("docker-machine inspect -f '{{.Driver.IPAddress}}' swarm-node-01"), ip);
    assert.equal(
      await shell('docker $(docker-machine config swarm-node-01 | tr -d \'"\') info -f "{{.Name}}"'),
      'swarm-node-01',
    );
    assert.match(await shell('docker-machine env --shell fish swarm-node-01'), /^set -gx DOCKER_HOST "tcp:/m);
    assert.match(
      await shell('docker-machine env --shell powershell swarm-node-01'),
      /^\$Env:DOCKER_TLS_VERIFY = "1"/m,
    );
    assert.match(await shell('docker-machine env -u'), /^unset DOCKER_HOST$/m);
    assert.match(await shell('docker-machine ls -q --filter name=node'), /^swarm-node-01\nswarm-node-02$/);
    await shell('docker-machine scp README.md swarm-node-01:/run/there');
    assert.match(await shell('docker-machine ssh swarm-node-01 head -n 1 /run/there'), /^# Essaim/);
    await shell('docker-machine regenerate-certs -f swarm-node-01');
    await shell(
      'docker-machine restart swarm-node-01; docker-machine provision swarm-node-01; docker-machine upgrade swarm-node-01',
    );
    assert.equal(await shell('docker-machine status swarm-node-01'), 'Running');
    const refused = await execute(
      join(BIN, 'docker-machine'),
      ['create', '-d', 'virtualbox', 'x'],
      process.env,
    );
    assert.match(
      refused.stderr,
      /Driver "virtualbox" does not exist here\. lab: .*"create -d lab NAME".*\nssh: /,
    );
    const unknown = await lab.machine('create', '-d', 'lab', '--engine-opt', 'no-such=1', 'x');
    assert.match(unknown.stderr, /its Docker Engine has no option --no-such/);
    const refusals: [string, string, RegExp][] = [
      ['--dns', 'nonsense', /Invalid value "nonsense" of --dns/],
      ['--daemon-opt', 'no-such=1', /Unknown option '--no-such'/],
      ['--daemon-opt', 'metrics-host=tcp://203.0.113.1:9180', /EADDRNOTAVAIL.* 203\.0\.113\.1:9180/],
      ['--daemon-opt', 'registry-host=tcp://203.0.113.1:8500', /EADDRNOTAVAIL.* 203\.0\.113\.1:8500/],
    ];
    for (const [option, value, words] of refusals) {
      const { code, stderr } = await lab.machine('create', '-d', 'lab', option, value, 'x');
      assert.equal(code, 1, value);
      assert.match(stderr, words);
    }
    assert.equal(await shell('docker-machine ls -q --filter name=^x$'), '');
  });

  test('hosts in a loop, with what was meant for VirtualBox, stopped and removed', async () => {
    await shell('eval "$(docker-machine env -u)"');
    await shell(
      'for machine in one two; do docker-machine create -d lab --virtualbox-memory "4096" cls-$machine; done',
    );
    await shell('eval $(docker-machine env cls-one)');
    assert.equal(await shell('docker info -f "{{.Name}}"'), 'cls-one');
    await shell('for cls in cls-one cls-two; do docker-machine stop $cls && docker-machine rm -f $cls; done');
    assert.doesNotMatch(await shell('docker-machine ls -q'), /cls/);
  });

  test('a swarm whose hosts are known in a key–value store', async () => {
    await shell('docker-machine rm -f swarm-master swarm-node-01 swarm-node-02');
    // The store: what Consul's image was, a swarm of Essaim's own answers.
    await lab.must('create', '-d', 'lab', '--daemon-opt', 'registry-host=tcp://0.0.0.0:8500', 'consul');
    await lab.docker('consul', 'swarm', 'init', '--advertise-addr', await lab.must('ip', 'consul'));
    await shell('export KV_IP=$(docker-machine ip consul)');
    await shell('eval "$(docker-machine env -u)"');
    const line =
      'docker-machine create -d lab --swarm --swarm-discovery="consul://$KV_IP:8500" --engine-opt="cluster-store=consul://$KV_IP:8500" --engine-opt="cluster-advertise=eth1:2376"';
    await shell(`${line} --swarm-master master`);
    await shell(`${line} slave1`);
    await shell('eval $(docker-machine env --swarm master)');
    assert.match(await shell('docker info'), /Nodes: 2/);
    await shell('docker network create --driver overlay --subnet=10.0.9.0/24 my-overlay');
    assert.match(await shell('docker network ls'), /my-overlay +overlay/);
    await eventually(
      'both are known',
      30_000,
      async () => (await shell('swarm list consul://$KV_IP:8500 2>/dev/null')).split('\n').length === 2,
    );
  });
});
