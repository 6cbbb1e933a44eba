/**
 * A tutorial of classic Swarm as it was written: the image `swarm`, a token, a manager and four engines with TLS, ten
 * containers in a loop.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { certificates } from '../support/certificates.ts';
import { wantedEngine } from '../support/engine-folder.ts';
import { eventually, execute, Lab } from '../support/lab.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** The machine, as its lab hosts reach it; and every address that a lab host may have. */
const MACHINE = '192.168.99.1';
const ADDRESSES = Array.from({ length: 154 }, (_, i) => `192.168.99.${101 + i}`);

describe('a tutorial of classic Swarm', { timeout: 300_000 }, () => {
  const hosts = ['cls-master', 'cls-node1', 'cls-node2', 'cls-node3'];
  let lab: Lab;
  let certs: string;
  let service: ChildProcess;
  let token: string;
  const ips = new Map<string, string>();
  before(async () => {
    lab = await Lab.with();
    certs = join(lab.home, 'endpoint');
    await mkdir(certs);
    certificates(certs, ADDRESSES);
    const file = (name: string): string => join(certs, name);
    const tls = [`tlscacert=${file('ca.pem')}`, `tlscert=${file('cert.pem')}`, `tlskey=${file('key.pem')}`];
    // Not 2376, as in the tutorial: lab hosts serve Essaim there.
    const options = ['host=tcp://0.0.0.0:2375', 'tlsverify=true', ...tls];
    await lab.add(...hosts.map((name) => ({ name, engine: wantedEngine(), options })));
    for (const host of hosts) ips.set(host, await lab.address(host));
    service = spawn('bin/essaim', ['discovery', '--host', `tcp://${MACHINE}:4243`], { cwd: ROOT });
    const image = await execute(
      join(ROOT, 'examples/classic/image'),
      [`http://${MACHINE}:4243/v1`],
      environment('cls-master', 2375),
    );
    assert.equal(image.code, 0, image.stderr);
    await lab.must('load', ...hosts, image.stdout.trim());
  });
  after(async () => {
    service?.kill();
    await lab?.[Symbol.asyncDispose]();
  });

  /** What `eval $(docker-machine env HOST)` has set, with that port. */
  const environment = (host: string, port: number): NodeJS.ProcessEnv => ({
    ...process.env,
    ESSAIM_HOME: lab.home,
    DOCKER_HOST: `tcp://${ips.get(host)}:${port}`,
    DOCKER_TLS_VERIFY: '1',
    DOCKER_CERT_PATH: certs,
  });
  const on = async (host: string, port: number, ...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await execute('docker', args, environment(host, port));
    assert.equal(code, 0, `docker ${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  };
  const cluster = (...args: string[]): Promise<string> => on('cls-master', 3376, ...args);

  test('swarm create, manage and join are run as containers; info shows four nodes', async () => {
    token = await on('cls-master', 2375, 'run', '--rm', 'swarm', 'create');
    assert.match(token, /^[0-9a-f]{32}$/);
    const mounts = ['-v', `${certs}:/certs:ro`, '--name', 'swarm-manager'];
    const tls = ['--tlscacert=/certs/ca.pem', '--tlscert=/certs/cert.pem', '--tlskey=/certs/key.pem'];
    const manage = ['manage', '-H', '0.0.0.0:3376', '--tlsverify', ...tls, `token://${token}`];
    await on('cls-master', 2375, 'run', '-d', '-p', '3376:3376', '-t', ...mounts, 'swarm', ...manage);
    for (const host of hosts) {
      const join = ['join', `--addr=${ips.get(host)}:2375`, `token://${token}`];
      await on(host, 2375, 'run', '-d', 'swarm', ...join);
    }
    const listed = await on('cls-node1', 2375, 'run', '--rm', 'swarm', 'list', `token://${token}`);
    assert.deepEqual(listed.split(/\s+/).sort(), [...ips.values()].map((ip) => `${ip}:2375`).sort());
    const info = await eventually(
      'four nodes are there',
      // The manager looks for them once a minute, and much sooner while they come.
      40_000,
      async () => {
        const text = await cluster('info');
        return [...text.matchAll(/ └ Status: Healthy/g)].length === 4 && text;
      },
      () => on('cls-master', 2375, 'logs', 'swarm-manager'),
    );
    assert.match(info, / Role: primary\n Strategy: spread\n Filters: .*\n Nodes: 4\n {2}cls-master: /);
    assert.doesNotMatch(await cluster('ps'), /swarm/);
    assert.equal((await cluster('ps', '-aq')).split('\n').length, 5);
  });

  test('three are run, listed with the addresses of their hosts, removed by the beginnings of their ids', async () => {
    const ids = [];
    for (let i = 0; i < 3; i++) ids.push(await cluster('run', '-d', '-P', 'whoami'));
    const rows = (await cluster('ps', '--format', '{{.Names}} {{.Ports}}')).split('\n');
    assert.equal(rows.length, 3);
    for (const row of rows) {
      const [, host = '', ip] = /^([^/]+)\/\S+ ([\d.]+):\d+->8080\/tcp$/.exec(row) ?? [];
      assert.equal(ip, ips.get(host), row);
    }
    await cluster('rm', '-f', ...ids.map((id) => id.slice(0, 6)));
    assert.equal(await cluster('ps', '-q'), '');
  });

  test('ten in a loop are spread over the four hosts', async () => {
    for (let i = 0; i < 10; i++) await cluster('run', '-d', '--name', `nginx${i}`, '-P', 'whoami');
    const names = (await cluster('ps', '--format', '{{.Names}}')).split('\n');
    const count = (host: string): number => names.filter((name) => name.startsWith(`${host}/`)).length;
    // The one with the manager has one more to begin with; which of two that are alike is the last one's does not matter.
    const all = hosts.map((host) => count(host) + (host === 'cls-master' ? 1 : 0));
    assert.deepEqual(all.sort(), [2, 3, 3, 3]);
  });
});
