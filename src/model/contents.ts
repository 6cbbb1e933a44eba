/** Which content of a secret or config a service or a task stands for. */
import type { ContentVersions } from './objects.ts';
import type { ContainerSpec, TaskSpec } from './spec.ts';

/** Names one version of the content of a secret or config, among all of them. */
export function contentKey(id: string, version = 0): string {
  return version === 0 ? id : `${id}.${version}`;
}

/** The ids of the secrets and configs that a task uses. */
export function contentIds(spec: TaskSpec | null | undefined): string[] {
  const container: ContainerSpec = spec?.ContainerSpec ?? {};
  return [
    ...(container.Secrets ?? []).map(({ SecretID }) => SecretID ?? ''),
    ...(container.Configs ?? []).map(({ ConfigID }) => ConfigID ?? ''),
  ].filter((id) => id !== '');
}

/** True if both stand for the same content of all that `spec` uses. */
export function sameContents(
  spec: TaskSpec | null | undefined,
  a: ContentVersions | undefined,
  b: ContentVersions | undefined,
): boolean {
  if (a === b) return true;
  return contentIds(spec).every((id) => (a?.[id] ?? 0) === (b?.[id] ?? 0));
}

/** The contents of what `spec` uses, as `versionOf` says; undefined if all of it is at its first version. */
export function contentsOf(
  spec: TaskSpec | null | undefined,
  versionOf: (id: string) => number,
): ContentVersions | undefined {
  const later = contentIds(spec)
    .map((id) => [id, versionOf(id)] as const)
    .filter(([, version]) => version !== 0);
  return later.length === 0 ? undefined : Object.fromEntries(later);
}
