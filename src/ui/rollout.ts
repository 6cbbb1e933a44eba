/** What a change of a service, a secret or a config would do: which tasks start anew, and by which rules. Pure. */
import { canonicalService } from '../api/swarm/services/spec/service.ts';
import { differences } from '../compose/plan.ts';
import { updateRules } from '../model/defaults.ts';
import { compareToSpec } from '../model/dirty.ts';
import type { Service } from '../model/objects.ts';
import type { ServiceSpec } from '../model/spec.ts';
import type { View } from '../store/contract.ts';
import { contentsOf, serviceRow } from './live/rows.ts';
import type { ContentVersionsOf, Rollout, ServicePlan } from './protocol.ts';

export function rollout(service: Service, spec: ServiceSpec, view: View): Rollout {
  const { parallelism, order, delay, monitor, failureAction } = updateRules(spec, false);
  return {
    id: service.ID,
    name: service.Spec.Name ?? service.ID,
    running: serviceRow(service, view).running,
    rules: {
      parallelism: Number.isFinite(parallelism) ? parallelism : 0,
      ...{ order, delay, monitor, failureAction },
    },
  };
}

/** What it would change to write that spec over the service's. @throws ApiError 400 if it is none */
export function servicePlan(service: Service, asked: ServiceSpec, view: View): ServicePlan {
  const spec = canonicalService(asked);
  const changes = differences(canonicalService(service.Spec), spec);
  const next = { ...service, Spec: spec };
  const running = [...view.tasksOfService(service.ID)].filter(
    ({ Status, DesiredState }) => Status.State === 'running' && DesiredState === 'running',
  );
  // As if its tasks were of an earlier version, which they are once it is written.
  const restarts = running.filter((task) => {
    const earlier = { ...task, internal: { ...task.internal, specVersion: -1 } };
    return changes.length > 0 && compareToSpec(next, earlier) === 'other';
  }).length;
  return { changes, restarts, rollout: rollout(service, spec, view) };
}

/** The versions of a secret's or config's content that something still stands for, newest first. */
export function contentVersions(kind: 'secret' | 'config', id: string, view: View): ContentVersionsOf {
  const object = view.get(kind, id)!;
  const newest = object.internal.contentVersion ?? 0;
  const users = [...view.all('service')].filter((each) => contentsOf(each, kind).includes(id));
  const old = [...view.all('oldContent')].filter(({ of }) => of === id);
  const usersOf = (version: number): string[] =>
    users.filter(({ internal }) => (internal.contents?.[id] ?? 0) === version).map(nameOf);
  const beforeOf = (version: number): string[] =>
    users
      .filter(
        ({ PreviousSpec, internal }) => PreviousSpec && (internal.previousContents?.[id] ?? 0) === version,
      )
      .map(nameOf);
  const versions = [
    { version: newest, at: object.UpdatedAt, Data: object.Spec.Data },
    ...old.map(({ version, CreatedAt, Data }) => ({ version, at: CreatedAt, Data })),
  ].sort((a, b) => b.version - a.version);
  return {
    versions: versions.map(({ version, at, Data }) => ({
      ...{ version, at, services: usersOf(version), before: beforeOf(version) },
      // What is in a secret is told to nobody.
      ...(kind === 'config' && { data: Data ?? '' }),
    })),
    rollouts: users.map((service) => rollout(service, service.Spec, view)),
  };
}

function nameOf({ ID, Spec }: Service): string {
  return Spec.Name ?? ID;
}
