/**
 * What a container of the ingress network has that the engine does not give it, laid in its namespace once it runs.
 *
 * IPv6: Docker Engine 20.10 starts itself anew, some 50 ms of processor time each, to switch it on for the loopback device and
 * for the container's own, and off again at the end. The container has it from its first moment by a kernel parameter; its
 * address follows before it counts as running.
 *
 * The way back: one that has the engine's own bridge too (it publishes ports of the host itself) would answer everybody through
 * that. What it sends from its ingress addresses has to go the way that the question came.
 */
import { existsSync } from 'node:fs';
import { hostOf } from '../../model/cidr.ts';
import { isV4, isV6 } from '../address.ts';
import type { IngressContainer } from '../contract.ts';
import { kernelHasIPv6 } from '../kernel/ipv6.ts';
import { feed, runScript, sysctls } from '../kernel/shell.ts';

/** Routing table and rules in the container's namespace. */
const TABLE = 100;

/**
 * @param gateways of the ingress network, one of each family at most
 * @throws CommandError if it cannot be laid in a container that runs
 */
export async function completeIngress(
  { pid, addresses, hostPorts }: IngressContainer,
  gateways: readonly string[],
): Promise<void> {
  const families = addresses.filter((address) => isV4(address) || kernelHasIPv6());
  const script = ingressScript(families, gateways, hostPorts);
  if (script === '') return;
  const namespace = `/proc/${pid}/ns/net`;
  try {
    await runScript(`nsenter --net=${namespace} sh -e -s <<'INSIDE'\n${script}INSIDE\n`);
  } catch (error) {
    if (existsSync(namespace)) throw error;
  }
}

/**
 * Shell commands in the container's namespace, where they may have been run before; empty where nothing is missing.
 * @param addresses the container's own, CIDR, one of each family at most
 */
export function ingressScript(
  addresses: readonly string[],
  gateways: readonly string[],
  hostPorts: boolean,
): string {
  const v4 = addresses.find(isV4);
  const commands = addresses.map((address) => {
    const gateway = gateways.find((one) => isV6(one) === isV6(address));
    return gateway === undefined ? '' : familyScript(address, gateway, hostPorts);
  });
  const all = commands.join('');
  return v4 === undefined || all === ''
    ? ''
    : `set -- $(ip -o address show to ${hostOf(v4)})\ndev=$2\n${all}`;
}

function familyScript(address: string, gateway: string, hostPorts: boolean): string {
  const six = isV6(address);
  if (!six && !hostPorts) return '';
  const ip = six ? 'ip -6' : 'ip';
  const from = `from ${hostOf(address)} lookup ${TABLE}`;
  const route = `route replace default via ${gateway} dev $dev`;
  const lines = [
    ...(six ? [`address replace ${address} dev $dev nodad`] : []),
    ...(hostPorts ? [`rule add ${from}`, `${route} table ${TABLE}`] : [route]),
  ];
  const conf: Record<string, number> = six
    ? { 'net/ipv6/conf/lo/disable_ipv6': 0, 'net/ipv6/conf/$dev/disable_ipv6': 0 }
    : { 'net/ipv4/conf/$dev/rp_filter': 2 };
  return [
    sysctls(conf),
    hostPorts ? `${ip} rule del ${from} 2>/dev/null || true\n` : '',
    feed(`${ip} -batch -`, lines).replace("<<'END'", '<<END'),
  ].join('');
}
