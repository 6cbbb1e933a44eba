/**
 * What a container may ask for that not every engine knows: an older one would ignore it, say nothing, and give the
 * container something else. (A health check's StartInterval is left out instead: without it a start is only noticed later.)
 */
import type { ContainerSpec, Mount } from '../../model/spec.ts';

interface Feature {
  name: string;
  /** The API version that brought it. */
  since: string;
  isAskedBy(spec: ContainerSpec): boolean;
}

const byMount = (name: string, since: string, isAskedBy: (mount: Mount) => unknown): Feature => ({
  ...{ name, since },
  isAskedBy: ({ Mounts }) => Mounts?.some(isAskedBy) ?? false,
});

const FEATURES: readonly Feature[] = [
  byMount('BindOptions.CreateMountpoint', '1.42', ({ BindOptions }) => BindOptions?.CreateMountpoint),
  byMount('BindOptions.ReadOnlyNonRecursive', '1.44', ({ BindOptions }) => BindOptions?.ReadOnlyNonRecursive),
  byMount(
    'BindOptions.ReadOnlyForceRecursive',
    '1.44',
    ({ BindOptions }) => BindOptions?.ReadOnlyForceRecursive,
  ),
  byMount('VolumeOptions.Subpath', '1.45', ({ VolumeOptions }) => VolumeOptions?.Subpath),
  byMount('TmpfsOptions.Options', '1.46', ({ TmpfsOptions }) => TmpfsOptions?.Options?.length),
];

/** Throws an error for the task if it asks for something that an engine of that API version does not know. */
export function requireEngine(spec: ContainerSpec, apiVersion: string): void {
  const minor = (version: string): number => Number(version.split('.')[1]);
  for (const { name, since, isAskedBy } of FEATURES) {
    if (minor(apiVersion) >= minor(since) || !isAskedBy(spec)) continue;
    throw new Error(`this node's engine does not know ${name}: its API is ${apiVersion}, ${since} is needed`);
  }
}
