/** What a node tells of itself, from its engine's /info. */
import type { NodeDescription } from '../model/objects.ts';
import type { GenericResource } from '../model/spec.ts';
import { DRIVER } from '../network/plugin/engine-networks.ts';

/** The parts of the engine's /info that are used. */
export interface EngineInfo {
  Name: string;
  Architecture: string;
  OSType: string;
  NCPU: number;
  MemTotal: number;
  GenericResources?: GenericResource[] | null;
  ServerVersion: string;
  Labels?: string[] | null;
  LoggingDriver: string;
  Plugins: { Volume?: string[] | null; Network?: string[] | null; Log?: string[] | null };
}

/** An engine plugin as GET /plugins lists it. */
export interface EnginePlugin {
  Name: string;
  Enabled: boolean;
  Config: { Interface: { Types?: Array<string | { Prefix?: string; Capability?: string }> | null } };
}

const MANAGED_KINDS: Record<string, string> = {
  volumedriver: 'Volume',
  networkdriver: 'Network',
  logdriver: 'Log',
};

/** Equal information gives equal text as JSON, so that a change can be seen by comparing. */
export function describe(
  info: EngineInfo,
  plugins: readonly EnginePlugin[] = [],
): Omit<NodeDescription, 'TLSInfo'> {
  const generic = info.GenericResources ?? [];
  return {
    Hostname: info.Name,
    Platform: { Architecture: info.Architecture, OS: info.OSType },
    Resources: {
      NanoCPUs: info.NCPU * 1e9,
      MemoryBytes: info.MemTotal,
      ...(generic.length > 0 ? { GenericResources: generic } : {}),
    },
    Engine: {
      EngineVersion: info.ServerVersion,
      Labels: labels(info.Labels ?? []),
      Plugins: pluginList(info, plugins),
    },
  };
}

function labels(list: readonly string[]): Record<string, string> {
  const pairs = list.map((label): [string, string] => {
    const at = label.indexOf('=');
    return at < 0 ? [label, ''] : [label.slice(0, at), label.slice(at + 1)];
  });
  return Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Sorted by type and name, as Docker does. */
function pluginList(
  info: EngineInfo,
  plugins: readonly EnginePlugin[],
): Array<{ Type: string; Name: string }> {
  const found = new Set<string>();
  const add = (type: string, names: readonly string[]): void => {
    for (const name of names) found.add(`${type}\0${name}`);
  };
  add('Volume', info.Plugins.Volume ?? []);
  // Every node takes part in the cluster's own networks. Its engine lists their driver only once it has used it.
  add('Network', ['overlay', ...(info.Plugins.Network ?? []).filter((name) => name !== DRIVER)]);
  add('Log', info.Plugins.Log ?? []);
  for (const plugin of plugins) {
    for (const type of plugin.Enabled ? (plugin.Config.Interface.Types ?? []) : []) {
      const text = typeof type === 'string' ? type.split('/')[0]! : `docker.${type.Capability ?? ''}`;
      const kind = MANAGED_KINDS[text.replace(/^docker\./, '')];
      if (kind) add(kind, [plugin.Name]);
    }
  }
  return [...found].sort().map((key) => {
    const [Type, Name] = key.split('\0') as [string, string];
    return { Type, Name };
  });
}
