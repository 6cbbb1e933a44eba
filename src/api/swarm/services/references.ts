/** The secrets and configs that services use. */
import { contentIds, contentsOf } from '../../../model/contents.ts';
import { rpcError } from '../../../model/errors.ts';
import type { ContentVersions, Service } from '../../../model/objects.ts';
import type { ServiceSpec } from '../../../model/spec.ts';
import type { Compare, View } from '../../../store/contract.ts';

type Kind = 'secret' | 'config';

interface Reference {
  id: string;
  name: string;
}

function referencesOf(spec: ServiceSpec, kind: Kind): Reference[] {
  const container = spec.TaskTemplate?.ContainerSpec;
  return kind === 'secret'
    ? (container?.Secrets ?? []).map(({ SecretID, SecretName }) => ({
        id: SecretID ?? '',
        name: SecretName ?? '',
      }))
    : (container?.Configs ?? []).map(({ ConfigID, ConfigName }) => ({
        id: ConfigID ?? '',
        name: ConfigName ?? '',
      }));
}

/** That all exist, by id and name at once. Returns what has to stay so until the service is written. */
export function requireReferences(view: View, spec: ServiceSpec): Compare[] {
  return (['secret', 'config'] as const).flatMap((kind) => {
    const found = referencesOf(spec, kind).map(({ id, name }) => ({ name, object: view.get(kind, id) }));
    const missing = found.filter(({ name, object }) => object?.Spec.Name !== name);
    if (missing.length > 0) {
      const names = missing.map(({ name }) => name).join(', ');
      throw rpcError('InvalidArgument', `${kind}${missing.length === 1 ? '' : 's'} not found: ${names}`);
    }
    const ids = new Map(found.map(({ object }) => [object!.ID, object!.Version.Index]));
    return [...ids].map(([id, revision]) => ({ kind, id, revision }));
  });
}

/**
 * The contents that a service stands for once it has this spec: what it uses already stays as it is (it may have been
 * rolled back to it), what it uses from now on is the newest.
 */
export function contentsFor(
  view: View,
  spec: ServiceSpec,
  before: Service | undefined,
): ContentVersions | undefined {
  const used = new Set(contentIds(before?.Spec.TaskTemplate));
  return contentsOf(spec.TaskTemplate, (id) => {
    if (used.has(id)) return before!.internal.contents?.[id] ?? 0;
    return (view.get('secret', id) ?? view.get('config', id))?.internal.contentVersion ?? 0;
  });
}

/** The names of the services that use it. */
export function usersOf(view: View, kind: Kind, id: string): string[] {
  const names: string[] = [];
  for (const { Spec } of view.all('service')) {
    if (referencesOf(Spec, kind).some((reference) => reference.id === id)) names.push(Spec.Name ?? '');
  }
  return names;
}
