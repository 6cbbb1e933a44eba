/** Drops from a spec what the API version that a client speaks does not have yet. */
import type {
  ContainerSpec,
  Mount,
  Placement,
  Resources,
  ServiceMode,
  ServiceSpec,
} from '../../../model/spec.ts';
import { compareVersions } from '../../query.ts';

export function forApiVersion(spec: ServiceSpec, version: string): ServiceSpec {
  const before = (other: string): boolean => compareVersions(version, other) < 0;
  if (!before('1.52')) return spec;
  const task = spec.TaskTemplate;
  return {
    ...spec,
    Mode: before('1.41') ? withoutJobs(spec.Mode) : spec.Mode,
    TaskTemplate: task && {
      ...task,
      ContainerSpec:
        task.ContainerSpec && before('1.46') ? container(task.ContainerSpec, before) : task.ContainerSpec,
      Resources: task.Resources && resources(task.Resources, before),
      Placement: before('1.40') ? withoutMaxReplicas(task.Placement) : task.Placement,
    },
  };
}

function container(spec: ContainerSpec, before: (version: string) => boolean): ContainerSpec {
  const result = { ...spec };
  result.OomScoreAdj = undefined;
  result.Mounts = result.Mounts?.map(withoutTmpfsOptions);
  if (!before('1.44')) return result;
  if (result.Healthcheck) result.Healthcheck = { ...result.Healthcheck, StartInterval: undefined };
  if (result.Privileges) {
    const { CredentialSpec, SELinuxContext } = result.Privileges;
    const config = before('1.40') ? undefined : CredentialSpec?.Config;
    result.Privileges = {
      CredentialSpec: CredentialSpec && { ...CredentialSpec, Config: config },
      SELinuxContext,
    };
  }
  if (before('1.41')) {
    result.CapabilityAdd = undefined;
    result.CapabilityDrop = undefined;
    result.Ulimits = undefined;
  }
  if (before('1.40')) {
    result.Sysctls = undefined;
    result.Configs = result.Configs?.map((config) => ({ ...config, Runtime: undefined }));
  }
  return result;
}

function withoutTmpfsOptions(mount: Mount): Mount {
  return mount.TmpfsOptions
    ? { ...mount, TmpfsOptions: { ...mount.TmpfsOptions, Options: undefined } }
    : mount;
}

type Maybe<T> = T | null | undefined;

function withoutJobs(mode: Maybe<ServiceMode>): Maybe<ServiceMode> {
  return mode && { ...mode, ReplicatedJob: undefined, GlobalJob: undefined };
}

function resources(spec: Resources, before: (version: string) => boolean): Resources {
  const result = { ...spec, SwapBytes: undefined, MemorySwappiness: undefined };
  if (before('1.41') && result.Limits) result.Limits = { ...result.Limits, Pids: undefined };
  return result;
}

function withoutMaxReplicas(placement: Maybe<Placement>): Maybe<Placement> {
  return placement && { ...placement, MaxReplicas: undefined };
}
