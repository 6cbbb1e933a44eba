/**
 * What a compose file has no words for. Whoever deploys one over a service leaves that as it is: the digest of an image
 * whose tag is the same, the platforms that were read of it, a restart that was asked for, profiles of the container, the
 * further options of mounts and networks. Otherwise a stack that is deployed unchanged would be started anew. Pure.
 */
import type { ContainerSpec, Mount, Resources, ServiceSpec, TaskSpec } from '../model/spec.ts';

const IMAGE = 'com.docker.stack.image';

/** `nginx:1@sha256:…` → `nginx:1`. */
export function withoutDigest(image: string): string {
  return image.replace(/@sha256:\w+$/, '');
}

/** Whether a file's `nginx` is what runs as `nginx:latest@sha256:…`: the docker CLI writes a tag where there is none. */
export function isImage(named: string, running: string): boolean {
  return named === running || familiar(named) === familiar(running);
}

function familiar(image: string): string {
  const name = withoutDigest(image).replace(/^docker\.io\/(library\/)?/, '');
  return /:[^/]*$/.test(name) ? name : `${name}:latest`;
}

/** The spec of a compose file, with what `before` has that a compose file cannot say. */
export function withUnsaid(spec: ServiceSpec, before: ServiceSpec | undefined): ServiceSpec {
  const was = before?.TaskTemplate;
  const { Mode, EndpointSpec } = spec;
  const task = spec.TaskTemplate ?? {};
  const isSameImage = isSame(spec, before);
  const { Platforms } = was?.Placement ?? {};
  const job = before?.Mode?.ReplicatedJob;
  const isSameJob = job && job.TotalCompletions === Mode?.ReplicatedJob?.TotalCompletions;
  return {
    ...spec,
    ...(isSameJob && { Mode: { ReplicatedJob: job } }),
    EndpointSpec: endpointOf(EndpointSpec, before?.EndpointSpec),
    TaskTemplate: {
      ...task,
      ForceUpdate: was?.ForceUpdate ?? 0,
      ...present('Resources', resourcesOf(task.Resources, was?.Resources)),
      ...(isSameImage && Platforms && { Placement: { ...task.Placement, Platforms } }),
      Networks: task.Networks?.map((each) => {
        const options = was?.Networks?.find(({ Target }) => Target === each.Target)?.DriverOpts;
        return { ...each, ...(options && { DriverOpts: options }) };
      }),
      ContainerSpec: containerOf(task.ContainerSpec ?? {}, was?.ContainerSpec ?? {}, isSameImage),
    },
  };
}

/** Whether the file names the image that the service was deployed with, or that it has by now. */
function isSame(spec: ServiceSpec, before: ServiceSpec | undefined): boolean {
  const image = spec.Labels?.[IMAGE];
  const running = before?.TaskTemplate?.ContainerSpec?.Image;
  if (image === undefined || running == null) return false;
  return before?.Labels?.[IMAGE] === image || isImage(image, running);
}

function containerOf(container: ContainerSpec, was: ContainerSpec, isSameImage: boolean): ContainerSpec {
  const { CredentialSpec: _, ...privileges } = was.Privileges ?? {};
  const Mounts = container.Mounts?.map((mount) => mountOf(mount, was.Mounts ?? []));
  return {
    ...container,
    ...(isSameImage && was.Image && { Image: was.Image }),
    ...(was.OomScoreAdj && { OomScoreAdj: was.OomScoreAdj }),
    ...(Object.keys(privileges).length > 0 && {
      Privileges: { ...container.Privileges, ...privileges },
    }),
    ...(Mounts && { Mounts }),
  };
}

/** The options of the mount that was at the same place, if it is of the same thing. */
function mountOf(mount: Mount, before: readonly Mount[]): Mount {
  const was = before.find(
    ({ Type, Target, Source }) =>
      Type === mount.Type && Target === mount.Target && (Source ?? '') === (mount.Source ?? ''),
  );
  if (!was) return mount;
  const { Propagation: _, ...bind } = was.BindOptions ?? {};
  const { SizeBytes: __, ...tmpfs } = was.TmpfsOptions ?? {};
  const isOwn = mount.VolumeOptions?.Labels !== undefined;
  return {
    ...was,
    ...mount,
    ReadOnly: mount.ReadOnly ?? false,
    ...merged('BindOptions', mount.BindOptions, bind),
    ...merged('TmpfsOptions', mount.TmpfsOptions, tmpfs),
    // Of volumes that are not the stack's own, labels and driver cannot be said.
    VolumeOptions: isOwn
      ? mount.VolumeOptions
      : {
          ...mount.VolumeOptions,
          ...present('Labels', was.VolumeOptions?.Labels),
          ...present('DriverConfig', was.VolumeOptions?.DriverConfig),
        },
  };
}

function endpointOf(
  said: ServiceSpec['EndpointSpec'],
  was: ServiceSpec['EndpointSpec'],
): ServiceSpec['EndpointSpec'] {
  const saysNothing = !said?.Mode && !said?.Ports?.length;
  if (!was && saysNothing) return undefined;
  const Ports = said?.Ports?.map((port) => {
    const same = was?.Ports?.find(
      ({ TargetPort, PublishedPort, Protocol }) =>
        TargetPort === port.TargetPort &&
        (PublishedPort ?? 0) === (port.PublishedPort ?? 0) &&
        Protocol === port.Protocol,
    );
    return { ...port, ...present('Name', same?.Name) };
  });
  return { ...said, ...(Ports && { Ports }) };
}

function resourcesOf(said: TaskSpec['Resources'], was: Resources | null | undefined): Resources | undefined {
  const named = (was?.Reservations?.GenericResources ?? []).filter((each) => each.NamedResourceSpec);
  const resources: Resources = {
    ...said,
    ...(was?.SwapBytes != null && { SwapBytes: was.SwapBytes }),
    ...(was?.MemorySwappiness != null && { MemorySwappiness: was.MemorySwappiness }),
  };
  if (named.length > 0)
    resources.Reservations = {
      ...resources.Reservations,
      GenericResources: [...(resources.Reservations?.GenericResources ?? []), ...named],
    };
  return Object.keys(resources).length > 0 ? resources : undefined;
}

function present<K extends string, V>(key: K, value: V | null | undefined): { [key in K]?: V } {
  return (value == null ? {} : { [key]: value }) as { [key in K]?: V };
}

function merged<K extends string>(key: K, said: object | null | undefined, was: object) {
  return Object.keys(was).length > 0 ? { [key]: { ...was, ...said } } : {};
}
