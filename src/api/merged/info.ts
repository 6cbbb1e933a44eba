/** `/info`: the engine's, with this host's place in the swarm. */
import { messageOf, noLeader } from '../../model/errors.ts';
import type { Node } from '../../model/objects.ts';
import { advice, votersAmong } from '../../model/quorum.ts';
import type { ManagerFace, Membership } from '../contract.ts';
import type { ApiContext, Router } from '../router.ts';
import { clusterForm } from '../swarm/cluster/form.ts';
import { DRIVER } from './attach.ts';

interface EngineInfo {
  Swarm?: { LocalNodeState?: string };
  Warnings?: string[] | null;
  Plugins?: Record<string, string[] | null>;
  [key: string]: unknown;
}

export function infoRoutes(router: Router, { engine, membership }: ApiContext): void {
  router.get('/info', async ({ apiVersion, signal }) => {
    const info = await engine.json<EngineInfo>('GET', '/info', { apiVersion, signal });
    const foreign = foreignSwarm(info);
    const swarm = swarmInfo(membership);
    return {
      status: 200,
      body: {
        ...info,
        ...(info.Plugins && { Plugins: withoutDriver(info.Plugins) }),
        Swarm: foreign && swarm.Error === '' ? { ...swarm, Error: foreign } : swarm,
        Warnings: allOf(info.Warnings, foreign ? [`WARNING: ${foreign}`] : [], swarm.Warnings),
      },
    };
  });
}

/** Null if there are none, unless it was an empty list that was given first. */
function allOf(
  first: string[] | null | undefined,
  ...others: ReadonlyArray<readonly string[] | undefined>
): string[] | null {
  const more = others.flatMap((each) => each ?? []);
  return more.length > 0 ? [...(first ?? []), ...more] : (first ?? null);
}

/** Networks of the driver that stands for `overlay` are made by the swarm alone: it is none to choose. */
function withoutDriver(plugins: Record<string, string[] | null>): object {
  return { ...plugins, Network: plugins.Network?.filter((name) => name !== DRIVER) ?? null };
}

/** What to say if the engine is in a Docker Swarm in its own right: the two must never be mixed. */
function foreignSwarm(info: EngineInfo): string | undefined {
  const state = info.Swarm?.LocalNodeState ?? 'inactive';
  if (state === 'inactive') return undefined;
  return `this host's Docker Engine is itself in swarm mode (${state}), which Essaim does not use and whose ports and networks are in its way: run "docker swarm leave" on the engine's own socket`;
}

export function swarmInfo(membership: Membership): {
  Error: string;
  Warnings?: string[];
  [key: string]: unknown;
} {
  const { state, nodeId, nodeAddr, error, managers, isWaiting = false } = membership.status();
  const manager = membership.manager();
  const outdated = isWaiting ? noLeader().message : manager && outdatedBecause(manager);
  return {
    NodeID: nodeId,
    NodeAddr: nodeAddr,
    LocalNodeState: state,
    ControlAvailable: manager !== undefined || isWaiting,
    Error: [error, outdated ?? ''].filter(Boolean).join('; '),
    RemoteManagers: managers.length > 0 ? managers : null,
    ...(manager && outdated === undefined ? managerInfo(manager) : {}),
  };
}

/** Why what the manager knows may be out of date; undefined: it is not. */
function outdatedBecause({ leader }: ManagerFace): string | undefined {
  try {
    leader.requireCurrent();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function managerInfo(manager: ManagerFace) {
  const { view } = manager.store;
  let managers = 0;
  for (const node of view.all('node')) if (isManager(node)) managers++;
  const warning = advice(votersAmong(view.all('node')).length);
  return {
    ...{ Nodes: view.count('node'), Managers: managers, Cluster: clusterForm(manager.cluster()) },
    ...(warning === undefined ? {} : { Warnings: [warning] }),
  };
}

function isManager(node: Node): boolean {
  return node.ManagerStatus !== undefined || node.Spec.Role === 'manager';
}
