import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type NftTable, nftMap, nftSet } from './nft.ts';
import { runScript } from './shell.ts';
import { leaveNamespace } from './shells.ts';
import { KernelSide, type Wanted } from './side.ts';

const NAMESPACE = `side-${process.pid}`;

/** With so many targets, and in another order than nft lists them. */
function wanted(targets: number): Wanted {
  const addresses = Array.from({ length: targets }, (_, i) => `10.1.0.${targets - i}`);
  const [goto, all] = [['10.1.1.1', 'goto web'] as const, 'meta l4proto { tcp, udp, sctp }'];
  const rule = `${all} dnat ip to numgen inc mod ${targets} map @web_ip`;
  const hook = 'type nat hook prerouting priority dstnat; policy accept;';
  const inet: NftTable = {
    family: 'inet',
    name: 'essaim',
    sets: new Map([
      [
        'web_ip',
        nftMap(
          'typeof numgen inc mod 65536 : ip daddr;',
          addresses.map((at, i) => [String(i), at]),
        ),
      ],
      ['targets', nftSet('type ipv4_addr;', addresses)],
      [
        'pairs',
        nftSet(
          'type ipv4_addr . ipv4_addr;',
          addresses.map((at) => `${at} . ${at}`),
        ),
      ],
      ['subnets', nftSet('type ipv4_addr; flags interval;', ['10.1.0.0/16', '10.2.0.0/16'])],
      ['nobody', nftSet('type ipv6_addr;', [])],
      ['vips', nftMap('type ipv4_addr : verdict;', [goto])],
      [
        'attempts',
        { kind: 'ct timeout', declaration: 'protocol tcp; policy = { syn_sent : 1 };', elements: new Map() },
      ],
    ]),
    chains: new Map([
      ['web', { hook: '', rules: targets > 0 ? [rule] : [] }],
      ['prerouting', { hook, rules: [`${all} ip daddr vmap @vips`, 'ip daddr @targets redirect'] }],
    ]),
  };
  const half = nftSet('typeof @th,64,128;', ['0xfd000000000000000000000000000001']);
  const bridge: NftTable = {
    family: 'bridge',
    name: 'essaim',
    sets: new Map([['half', half]]),
    chains: new Map(),
  };
  return { facts: new Map(), tables: [inet, bridge] };
}

test('what others change is seen, also before anybody has looked; what one has changed oneself is not', async () => {
  const side = new KernelSide({ namespace: NAMESPACE, own: () => new Map() });
  const isRight = async (targets: number): Promise<boolean> => !(await side.check(wanted(targets))).ruleset;
  await runScript(`ip netns add ${NAMESPACE}\n`);
  try {
    for (const targets of [0, 1, 30, 2, 0]) {
      await side.change(wanted(targets));
      assert.ok(await isRight(targets), `${targets} targets`);
      assert.ok(await isRight(targets), `${targets} targets, looked at again`);
    }
    const strikes = [
      'nft flush chain inet essaim web',
      'nft delete element inet essaim targets { 10.1.0.3 }',
      'nft add rule inet essaim web drop',
      'nft delete table bridge essaim',
      'nft flush ruleset',
    ];
    for (const strike of strikes) {
      for (const looks of [0, 1]) {
        await side.change(wanted(3));
        await side.change(wanted(7));
        for (let i = 0; i < looks; i++) assert.ok(await isRight(7));
        await runScript(`${strike}\n`, NAMESPACE);
        assert.ok(!(await isRight(7)), `${strike} after ${looks} looks`);
      }
    }
    await side.change(wanted(7));
    await side.check(wanted(7));
    // As much as before, but not the same.
    await runScript(
      'nft delete rule inet essaim web handle $(nft -a list chain inet essaim web | sed -n "s/.*handle \\([0-9]*\\)$/\\1/p" | tail -n 1)\nnft add rule inet essaim web drop\n',
      NAMESPACE,
    );
    assert.ok(!(await isRight(7)));
  } finally {
    await leaveNamespace(NAMESPACE);
    await runScript(`ip netns delete ${NAMESPACE}\n`);
  }
});
