/** Asks all hosts whether their networks are as the store has them. */
import { NetworkTables } from '../control/networks/tables.ts';
import {
  type CheckReport,
  type ClusterCheck,
  digestsOf,
  type HostCheck,
  PUBLISHED,
} from '../model/network-check.ts';
import type { Node } from '../model/objects.ts';
import type { Store, View } from '../store/contract.ts';

/** How long a host may take to answer (ms), and how many are asked at a time. */
const PATIENCE = 8_000;
const AT_ONCE = 32;
/** How often, and after how long (ms), a host that was told something else is asked again: it may be on its way. */
const ATTEMPTS = 4;
const PAUSE = 500;

export type AskHost = (nodeId: string, patience: number) => Promise<CheckReport>;

export async function checkNetworks(store: Store, ask: AskHost): Promise<ClusterCheck> {
  const waiting = [...store.view.all('node')];
  const hosts: HostCheck[] = [];
  let tables: { revision: number; of: NetworkTables } | undefined;
  const wanted = (nodeId: string): Record<string, string> => {
    const { view } = store;
    if (tables?.revision !== view.revision) tables = { revision: view.revision, of: new NetworkTables(view) };
    return digestsOf(tables.of.stateFor(nodeId));
  };
  const worker = async (): Promise<void> => {
    for (let node = waiting.shift(); node; node = waiting.shift())
      hosts.push(await checkHost(store.view, node, ask, wanted));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return {
    revision: store.view.revision,
    hosts: hosts.sort((a, b) => (a.host < b.host ? -1 : a.host > b.host ? 1 : a.node < b.node ? -1 : 1)),
  };
}

async function checkHost(
  view: View,
  node: Node,
  ask: AskHost,
  wantedOf: (nodeId: string) => Record<string, string>,
): Promise<HostCheck> {
  const base = { node: node.ID, host: node.Description?.Hostname ?? node.ID };
  for (let attempt = 1; ; attempt++) {
    let report: CheckReport;
    try {
      report = await ask(node.ID, PATIENCE);
    } catch (error) {
      const networks = Object.keys(node.internal.networks ?? {}).length;
      const state = node.Status.State === 'ready' ? '' : ` (${node.Status.State})`;
      return {
        ...base,
        networks,
        differences: [],
        error: `does not answer${state}: ${(error as Error).message}`,
      };
    }
    const wanted = wantedOf(node.ID);
    const stale = staleParts(view, wanted, report.told);
    if (stale.length > 0 && attempt < ATTEMPTS) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      continue;
    }
    const { revision, mended, differences } = report;
    return {
      ...base,
      ...(revision === undefined ? {} : { revision }),
      networks: Object.keys(wanted).length - 1,
      differences: [
        ...stale,
        ...differences.map(({ network, message }) =>
          network ? `${nameOf(view, network)}: ${message}` : message,
        ),
      ],
      mended,
    };
  }
}

/** What the host was told otherwise than it is in the store, for people. */
export function staleParts(
  view: View,
  wanted: Readonly<Record<string, string>>,
  told: Readonly<Record<string, string>>,
): string[] {
  const parts = new Set([...Object.keys(wanted), ...Object.keys(told)]);
  return [...parts].flatMap((part) => {
    if (wanted[part] === told[part]) return [];
    const what = part === PUBLISHED ? PUBLISHED : nameOf(view, part);
    if (wanted[part] === undefined) return `${what}: the host has it and should not`;
    if (told[part] === undefined) return `${what}: the host has not heard of it`;
    return `${what}: the host has another version of it`;
  });
}

function nameOf(view: View, networkId: string): string {
  return `network ${view.get('network', networkId)?.Spec.Name ?? networkId}`;
}
