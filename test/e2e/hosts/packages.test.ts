/** What `npm run package` makes is installed on fresh Debian hosts; each makes a swarm then. */
import assert from 'node:assert/strict';
import { copyFile, cp, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run } from '../../../src/machine/exec.ts';
import { imagesTar } from '../../support/images.ts';
import { type Server, Servers } from '../../support/servers.ts';

const BUILD = fileURLToPath(new URL('../../../build', import.meta.url));

/** A service runs, is found by its published port, and a secret gets to it. */
async function tryOut(server: Server): Promise<void> {
  const lines = `export DOCKER_HOST=unix:///run/essaim/docker.sock
    until docker info >/dev/null 2>&1; do sleep 0.2; done
    docker load -q -i /srv/images.tar >/dev/null
    docker swarm init --advertise-addr ${server.address} >/dev/null
    echo hush | docker secret create word - >/dev/null
    docker service create --detach --no-resolve-image --name web --secret word --publish 8080:8080 whoami >/dev/null
    until [ "$(docker service ls --format '{{.Replicas}}')" = 1/1 ]; do sleep 0.3; done
    docker exec $(docker ps -q --filter label=com.docker.swarm.service.name=web) cat /run/secrets/word
    docker node ls --format '{{.Hostname}} {{.Status}} {{.ManagerStatus}}'`;
  const told = await server.must(`timeout 120 sh -ec '${lines.replaceAll("'", "'\\''")}'`);
  assert.equal(told, `hush\n${server.name} Ready Leader`);
  const answer = await fetch(`http://${server.address}:8080/cgi-bin/index.cgi`, {
    signal: AbortSignal.timeout(30_000),
  });
  assert.match(await answer.text(), /^[0-9a-f]{12}\n$/);
}

/** A system that lacks a capability itself cannot give all: then those that matter are given one by one. */
async function privileged(): Promise<string> {
  const [, bounding = '0'] = /^CapBnd:\s*(\w+)$/m.exec(await readFile('/proc/self/status', 'utf8')) ?? [];
  const last = Number(await readFile('/proc/sys/kernel/cap_last_cap', 'utf8'));
  if (BigInt(`0x${bounding}`) === (1n << BigInt(last + 1)) - 1n) return '--privileged';
  const names = [
    'SYS_ADMIN',
    'NET_ADMIN',
    'SYS_PTRACE',
    'SYS_MODULE',
    'DAC_READ_SEARCH',
    'SYS_NICE',
    'IPC_LOCK',
  ];
  const unconfined = ['seccomp', 'apparmor', 'systempaths'].map(
    (each) => `--security-opt ${each}=unconfined`,
  );
  return [...names.map((name) => `--cap-add ${name}`), ...unconfined].join(' ');
}

describe('packages', { timeout: 600_000 }, () => {
  let servers: Servers;
  let files: string[];
  before(async () => {
    await run('npm', ['run', '--silent', '--prefix', join(BUILD, '..'), 'package']);
    files = await readdir(BUILD);
    servers = await Servers.create();
  });
  after(() => servers[Symbol.asyncDispose]());
  const built = (ending: RegExp): string => join(BUILD, files.find((name) => ending.test(name))!);
  const withImages = async (root: string): Promise<void> => {
    await mkdir(join(root, 'srv'), { recursive: true });
    await copyFile(await imagesTar(), join(root, 'srv/images.tar'));
  };

  test('the Debian package: its service runs, and it goes again', async () => {
    const server = await servers.add('deb', {
      engine: true,
      prepare: async (root) => {
        await withImages(root);
        await copyFile(built(/\.deb$/), join(root, 'srv/essaim.deb'));
      },
    });
    await server.must(
      'apt-get update -qq; apt-get install -y -qq --no-install-recommends /srv/essaim.deb bash-completion',
    );
    assert.equal(await server.must('systemctl is-active essaim essaim-tasks'), 'active\nactive');
    await tryOut(server);
    const completed = `bash -c '. /usr/share/bash-completion/completions/essaim; COMP_WORDS=(essaim machine cre); COMP_CWORD=2; _essaim; echo "\${COMPREPLY[@]}"'`;
    assert.equal(await server.must(completed), 'create');
    assert.match(await server.must('zcat /usr/share/man/man1/essaim.1.gz'), /^\.SS "essaim machine create/m);
    await server.must('apt-get purge -y -qq essaim');
    const left = await server.run(
      'ls -d /usr/lib/essaim /var/lib/essaim/daemon /var/cache/essaim /etc/default/essaim',
    );
    assert.equal(left.stdout, '');
  });

  test('the npm tarball, installed globally', async () => {
    const server = await servers.add('npm', {
      engine: true,
      prepare: async (root) => {
        await withImages(root);
        // This system's npm, with the registry that it has; the host has none.
        await run('npm', ['install', '--global', '--prefix', join(root, 'usr/local'), built(/\.tgz$/)]);
      },
    });
    assert.match(await server.must('essaim --version'), /^essaim version \d/);
    await server.must('setsid essaim daemon >/var/log/essaim.log 2>&1 </dev/null & sleep 0.1');
    await tryOut(server);
    assert.match(
      await server.must('/usr/local/lib/node_modules/essaim/bin/docker-machine ls 2>&1'),
      /^NAME +ACTIVE +DRIVER/,
    );
  });

  test('the image: a container is the daemon of its host', async () => {
    const server = await servers.add('image', {
      engine: true,
      prepare: async (root) => {
        await withImages(root);
        await cp(join(BUILD, 'image'), join(root, 'srv/image'), { recursive: true, verbatimSymlinks: true });
      },
    });
    await server.must(`until docker info >/dev/null 2>&1; do sleep 0.2; done
      tar -C / -c bin etc lib lib64 sbin usr/bin usr/sbin usr/lib/x86_64-linux-gnu usr/share/iptables usr/lib64 2>/dev/null | docker import - essaim-base >/dev/null
      docker build -q -t essaim /srv/image`);
    await server.must(
      `docker run -d --name essaim --restart always ${await privileged()} --pid host --network host -v /run:/run:rshared -v /var/lib/essaim:/var/lib/essaim:rshared essaim`,
    );
    await tryOut(server);
    // A new container takes over what runs.
    const started = await server.must(
      "docker inspect -f '{{.State.StartedAt}}' $(docker ps -q --filter name=web)",
    );
    await server.must('docker restart essaim');
    await server.must(
      'timeout 60 sh -c "until docker -H unix:///run/essaim/docker.sock service ls 2>/dev/null | grep -q 1/1; do sleep 0.3; done"',
    );
    assert.equal(
      await server.must("docker inspect -f '{{.State.StartedAt}}' $(docker ps -q --filter name=web)"),
      started,
    );
  });
});
