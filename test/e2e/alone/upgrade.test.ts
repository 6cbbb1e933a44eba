/** Managers come, and are replaced by those of the next version, one by one while everything goes on: nothing fails. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { SPOKEN } from '../../../src/model/protocol-version.ts';
import { eventually } from '../../support/lab.ts';
import { Swarm } from '../../support/swarm.ts';

const HOSTS = ['ua', 'ub', 'uc'] as const;
const WORKER = 'ud';
const PORT = 8090;
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** A copy of this program that speaks other versions of the protocol. */
function copyOf(version: number, oldest: number): string {
  const copy = mkdtempSync('/var/tmp/essaim-next-');
  for (const part of ['bin', 'src', 'web', 'packaging', 'package.json'])
    execFileSync('cp', ['-r', join(ROOT, part), copy]);
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  const file = join(copy, 'src/model/protocol-version.ts');
  const text = readFileSync(file, 'utf8');
  const changed = text.replace(
    /(SPOKEN: Spoken = )\{[^}]*\}/,
    `$1{ version: ${version}, oldest: ${oldest} }`,
  );
  assert.notEqual(changed, text);
  writeFileSync(file, changed);
  return copy;
}

describe('managers come and are replaced under load', { timeout: 300_000 }, () => {
  let swarm: Swarm;
  const next = copyOf(SPOKEN.version + 1, SPOKEN.version);
  const tooNew = copyOf(SPOKEN.version + 3, SPOKEN.version + 2);
  before(async () => {
    swarm = await Swarm.on(...HOSTS, WORKER);
    await swarm.create('--name', 'web', '--replicas', '4', '-p', `${PORT}:8080`, 'whoami:1');
    await swarm.converge('web', 4);
  });
  after(async () => {
    await swarm?.[Symbol.asyncDispose]();
    for (const copy of [next, tooNew]) rmSync(copy, { recursive: true });
  });

  /** The daemon of that host ends in order, and one of that copy takes its place. */
  async function replace(host: string, copy: string): Promise<void> {
    const { lab } = swarm;
    const end = 'p=$(cut -d" " -f1 /run/essaim.process); kill $p; while kill -0 $p; do sleep 0.1; done';
    await lab.ssh(host, end);
    const data = join(lab.home, 'machines', host, 'daemon');
    const start = `setsid ${copy}/bin/essaim daemon --data ${data} --engine /run/engine.sock --socket /run/docker.sock >/tmp/next.log 2>&1 & p=$!; echo "$p $(cut -d" " -f22 /proc/$p/stat)" >/run/essaim.process`;
    await lab.ssh(host, start);
    await eventually('the new daemon serves', 60_000, async () => {
      return (await lab.tryDocker(host, ['version'])).code === 0;
    });
  }

  const settled = () =>
    eventually(
      'all managers are well',
      60_000,
      async () => {
        for (const host of HOSTS) {
          const said = await swarm.lab.docker(
            host,
            'node',
            'ls',
            '--format',
            '{{.Status}} {{.ManagerStatus}}',
          );
          const rows = said.split('\n').map((row) => row.trim());
          if (rows.filter((row) => /^Ready (Leader|Reachable)$/.test(row)).length !== 3) return false;
          if (!rows.includes('Ready')) return false;
        }
        return true;
      },
      () => swarm.explain(),
    );

  /** Requests to the service and changes through a manager, again and again. `through` is which one. */
  function load(addresses: readonly string[], through: () => string) {
    const over = new AbortController();
    const failures: string[] = [];
    const done = { asked: 0, written: 0 };
    const asking = (async () => {
      for (; !over.signal.aborted; done.asked++) {
        const address = addresses[done.asked % addresses.length]!;
        await get(address).catch((error: Error) => failures.push(`request: ${error.message}`));
        await delay(20);
      }
    })();
    const writing = (async () => {
      for (; !over.signal.aborted; done.written++) {
        const host = through();
        const outcome = await swarm.lab.tryDocker(host, [
          'config',
          'create',
          `c${created++}`,
          '/etc/hostname',
        ]);
        if (outcome.code !== 0) failures.push(`change through ${host}: ${outcome.stderr}`);
      }
    })();
    return {
      done,
      async end() {
        over.abort();
        await Promise.all([asking, writing]);
        assert.deepEqual(failures, []);
        assert.ok(done.asked > 100 && done.written > 10, `${done.asked} requests, ${done.written} changes`);
      },
    };
  }
  let created = 0;
  const addresses = () => Promise.all(swarm.hosts.map((host) => swarm.lab.address(host)));
  const running = async () =>
    (await Promise.all(swarm.hosts.map((host) => swarm.containers(host, 'web')))).flat().sort();

  test('workers become managers: no request fails, no change is refused, no task restarts', async () => {
    const before = await running();
    const under = load(await addresses(), () => HOSTS[0]);
    await swarm.docker('node', 'promote', 'ub', 'uc');
    await settled();
    await under.end();
    assert.deepEqual(await running(), before);
    const all = await swarm.docker('config', 'ls', '-q');
    assert.equal(all.split('\n').length, created, 'what was acknowledged is there');
  });

  test('managers are replaced: no request fails, no change is refused, no task restarts', async () => {
    const before = await running();
    // Asked of a manager that stays: the daemon that is being replaced has no socket for a moment.
    let through: string = HOSTS[0];
    const { done, end } = load(await addresses(), () => through);
    for (const [i, host] of HOSTS.entries()) {
      const at = done.written;
      through = HOSTS[(i + 1) % HOSTS.length]!;
      // What was asked of the one that is to be replaced has been answered.
      await eventually('changes go another way', 30_000, async () => done.written > at + 1);
      await replace(host, next);
      await settled();
    }
    await replace(WORKER, next);
    await settled();
    await end();
    assert.deepEqual(await running(), before);
  });

  test('one that is too new for them is told so, and its containers run on', async () => {
    // The managers speak the next version by now; this one understands nothing before the one after that.
    await replace(WORKER, tooNew);
    await eventually('it says why it is not taken', 30_000, async () =>
      /too new for the manager .*update Essaim on the managers first/.test(
        await swarm.lab.ssh(WORKER, 'cat /tmp/next.log'),
      ),
    );
    await swarm.lab.docker(WORKER, 'ps', '-q');
    await replace(WORKER, ROOT);
    await settled();
  });
});

function get(ip: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: ip, port: PORT, agent: false, timeout: 5_000 }, (response) => {
      response.resume();
      response.once('end', resolve);
      response.once('error', reject);
    });
    asked.once('timeout', () => asked.destroy(new Error(`${ip} did not answer`)));
    asked.once('error', reject);
    asked.end();
  });
}
