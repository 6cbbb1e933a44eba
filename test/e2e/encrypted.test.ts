/** Encrypted networks: what goes over the wire, what breaks and is mended, keys that change, what is left behind. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually, execute } from '../support/lab.ts';
import { Swarm } from '../support/swarm.ts';

const [A, B, C] = ['ea', 'eb', 'ec'] as const;
const MARKER = 'plain-as-day-0815';
const WG = 'nsenter --net=/run/netns/essaim-tunnels wg show essaim-wg';

describe('encrypted networks', { timeout: 300_000 }, () => {
  let swarm: Swarm;
  before(async () => {
    swarm = await Swarm.on(A, B, C);
    await swarm.docker('network', 'create', '-d', 'overlay', '--opt', 'encrypted', 'secret');
    await swarm.docker('network', 'create', '-d', 'overlay', 'open');
    for (const network of ['secret', 'open'])
      for (const host of [A, B]) await create(`${network}-${host}`, network, host);
    for (const network of ['secret', 'open'])
      for (const host of [A, B]) await swarm.converge(`${network}-${host}`, 1);
  });
  after(() => swarm?.[Symbol.asyncDispose]());

  const ssh = (host: string, command: string): Promise<string> => swarm.lab.ssh(host, command);
  const create = (name: string, network: string, host: string): Promise<string> => {
    const place = ['--constraint', `node.hostname==${host}`, '--network', network];
    return swarm.docker(
      ...['service', 'create', '--detach', '--no-resolve-image', '--restart-delay', '1s'],
      ...[...place, '--name', name, 'whoami'],
    );
  };
  /** Straight to the host's engine: it is there without the daemon, too. */
  const engine = async (host: string, ...args: string[]): Promise<string> => {
    const socket = `unix://${swarm.lab.engineSocket(host)}`;
    const { code, stdout, stderr } = await execute('docker', ['-H', socket, ...args], process.env);
    if (code !== 0) throw new Error(`docker ${args.join(' ')} on ${host}: ${stdout}${stderr}`);
    return stdout.trim();
  };
  const containerOf = async (network: string, host: string): Promise<string> => {
    const filter = `label=com.docker.swarm.service.name=${network}-${host}`;
    const [name] = (await engine(host, 'ps', '-q', '--filter', filter)).split('\n');
    assert.ok(name, `${network}-${host} has no container`);
    return name;
  };
  const within = async (network: string, host: string, command: string): Promise<string> =>
    engine(host, 'exec', await containerOf(network, host), 'sh', '-c', command);
  /** The virtual address of the service that is on another host, asked for by name. */
  const addressOf = (network: string, from: string, to: string): Promise<string> =>
    eventually(`${network}-${to} has a name`, 15_000, async () => {
      const text = await within(network, from, `nslookup ${network}-${to} || true`);
      return text.slice(text.indexOf('Name:')).match(/\d+\.\d+\.\d+\.\d+/)?.[0];
    });
  const ask = async (network: string, from: string, to: string, path = 'cgi-bin/index.cgi') => {
    const address = await addressOf(network, from, to);
    return within(network, from, `timeout 2 wget -qO- http://${address}:8080/${path}`);
  };
  const asks = (network: string, from: string, to: string): Promise<string> =>
    eventually(`${network}-${to} answers`, 20_000, () => ask(network, from, to).catch(() => undefined));
  const tunnelKeys = async (host: string): Promise<string[]> =>
    (await ssh(host, `${WG} preshared-keys`)).split('\n').map((line) => line.split('\t')[1]!);
  const programs = (host: string): Promise<string> => ssh(host, 'pgrep -x wireguard-go || true');

  test('services on different hosts reach each other by name', async () => {
    assert.equal((await asks('secret', A, B)).trim(), (await within('secret', B, 'hostname')).trim());
    assert.equal((await asks('secret', B, A)).trim(), (await within('secret', A, 'hostname')).trim());
  });

  test('nothing of it can be read on the way; a plain network goes in the clear at full size', async () => {
    const count = `-p udp -m string --algo bm --string ${MARKER}`;
    await ssh(B, `iptables -t raw -A PREROUTING ${count} && iptables -t raw -A OUTPUT ${count}`);
    const seen = async (): Promise<number> => {
      const text = await ssh(B, 'iptables -t raw -vnxL');
      const lines = text.split('\n').filter((line) => line.includes(MARKER));
      return lines.reduce((sum, line) => sum + Number(line.trim().split(/\s+/)[0]), 0);
    };
    // The server says that it has no such page: what was asked for has gone there, whatever comes back.
    await asks('secret', A, B);
    await ask('secret', A, B, MARKER).catch(() => '');
    await ask('secret', B, A, MARKER).catch(() => '');
    assert.equal(await seen(), 0);
    await asks('open', A, B);
    await ask('open', A, B, MARKER).catch(() => '');
    assert.ok((await seen()) > 0, 'what is plain was not seen either');
    assert.match(await within('secret', A, 'ip link show eth0'), /mtu 1350/);
    assert.match(await within('open', A, 'ip link show eth0'), /mtu 1450/);
    // A large answer comes through as well.
    const size = await within(
      'secret',
      A,
      `ping -c 1 -W 5 -s 1322 ${await addressOf('secret', A, B)} | tail -2`,
    );
    assert.match(size, /1 packets received/);
  });

  test('a host without an encrypted network has no tunnels', async () => {
    assert.equal(await programs(C), '');
    assert.doesNotMatch(await ssh(C, 'ip netns'), /essaim-tunnels/);
  });

  test('a connection outlives new keys, a killed daemon and a killed wireguard-go', async () => {
    // It ends when either side has nothing more to say.
    await within('secret', B, 'tail -f /dev/null | nc -l -p 9000 >/tmp/heard 2>/dev/null &');
    const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}';
    const addresses = await engine(B, 'inspect', '--format', format, await containerOf('secret', B));
    const address = addresses.split(' ').find((text) => /^10\.0\./.test(text))!;
    const say = `i=0; while [ ! -e /tmp/enough ]; do i=$((i+1)); echo $i; sleep 0.1; done | nc ${address} 9000`;
    const saying = within('secret', A, say);
    const heard = async (): Promise<number[]> =>
      (await within('secret', B, 'cat /tmp/heard')).trim().split('\n').map(Number);
    const hearsMore = async (what: string): Promise<void> => {
      const count = (await heard()).length;
      await eventually(`more is heard after ${what}`, 40_000, async () => (await heard()).length > count + 5);
    };
    try {
      await hearsMore('the start');
      const before = await tunnelKeys(A);
      await swarm.docker('swarm', 'ca', '--rotate', '--detach', '--quiet');
      await eventually('both hosts have the new key', 20_000, async () => {
        const [a, b] = await Promise.all([tunnelKeys(A), tunnelKeys(B)]);
        return a[0] !== before[0] && a[0] === b[0];
      });
      await hearsMore('a new key');

      const program = await programs(B);
      await ssh(B, 'kill -9 $(cut -d" " -f1 /run/essaim.process)');
      await hearsMore('the end of the daemon');
      await swarm.lab.must('start', B);
      await swarm.nodeBecomes(B, 'Ready', 30_000);
      assert.equal(await programs(B), program, 'the tunnels were not taken over as they were');

      await ssh(B, 'pkill -9 -x wireguard-go');
      await eventually('a new one runs', 20_000, async () => {
        const now = await programs(B);
        return /^\d+$/.test(now) && now !== program;
      });
      await hearsMore('the end of wireguard-go');
    } finally {
      await within('secret', A, 'touch /tmp/enough');
    }
    await saying;
    await eventually(
      'all is heard',
      10_000,
      async () => !(await within('secret', B, 'ps')).includes('nc -l'),
    );
    const numbers = await heard();
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => i + 1),
    );
  });

  test('tunnels that somebody takes down are mended', async () => {
    for (const harm of [
      `nsenter --net=/run/netns/essaim-tunnels wg set essaim-wg peer $(${WG} peers | head -1) remove`,
      'ip -n essaim-tunnels link delete essaim-wg',
      'ip netns delete essaim-tunnels',
    ]) {
      await ssh(A, harm);
      await asks('secret', B, A);
      await eventually('they are there', 20_000, () => ssh(A, `${WG} peers`).catch(() => undefined));
      await asks('secret', A, B);
    }
  });

  test('a host that cannot encrypt says what is missing, and goes on when it is there', async () => {
    await ssh(C, 'mount --bind /dev/null /usr/bin/wg');
    await create(`secret-${C}`, 'secret', C);
    await eventually(
      'a task says what is missing',
      20_000,
      async () =>
        (await swarm.tasks(`secret-${C}`)).some(({ current, error }) => {
          return current.startsWith('Rejected') && /missing: wg \(package wireguard-tools\)/.test(error);
        }),
      () => swarm.explain(`secret-${C}`),
    );
    assert.match(await swarm.lab.log(C, 'essaim'), /missing: wg \(package wireguard-tools\)/);
    await ssh(C, 'umount /usr/bin/wg');
    await swarm.converge(`secret-${C}`, 1);
    await asks('secret', C, A);
  });

  test('after a host has left, nothing is left of its tunnels, there and elsewhere', async () => {
    const key = await ssh(B, `${WG} public-key`);
    assert.match(await ssh(A, `${WG} peers`), new RegExp(key.replaceAll(/[+/]/g, '.')));
    await swarm.docker('service', 'rm', `secret-${B}`, `open-${B}`);
    await swarm.lab.docker(B, 'swarm', 'leave');
    assert.equal(await programs(B), '');
    assert.equal(await ssh(B, 'ip netns; ls /run/wireguard'), '');
    await eventually('nobody has it as a peer', 20_000, async () => {
      const peers = await Promise.all([A, C].map((host) => ssh(host, `${WG} peers`)));
      return peers.every((text) => !text.includes(key));
    });
    await swarm.docker('service', 'rm', `secret-${A}`, `secret-${C}`);
    await eventually('tunnels go with the last encrypted network', 30_000, async () => {
      const left = await Promise.all(
        [A, C].map((host) => ssh(host, 'ip netns; pgrep -x wireguard-go || true')),
      );
      return left.every((text) => !/essaim-tunnels|^\d+$/m.test(text));
    });
  });
});
