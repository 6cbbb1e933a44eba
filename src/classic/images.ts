/** Images of hosts by what people call them. */
import type { Host } from '../fleet/contract.ts';
import type { ImageRecord } from '../fleet/records.ts';
import { repository } from './rules/filters.ts';

/** The least part of an id that stands for an image. */
const LEAST = 3;

/** As engines list it: `docker.io/library/nginx` is `nginx`. */
export function familiar(name: string): string {
  return name.replace(/^(index\.)?docker\.io\/(library\/)?/, '');
}

/** With its tag: `nginx:latest`. */
export function tagged(name: string): string {
  return name.includes('@') || repository(name) !== name ? name : `${name}:latest`;
}

export function findImage({ images }: Host, reference: string): ImageRecord | undefined {
  const name = familiar(reference);
  const wanted = tagged(name);
  const id = name.replace(/^sha256:/, '');
  return (
    images.find(({ RepoTags, RepoDigests }) => RepoTags?.includes(wanted) || RepoDigests?.includes(name)) ??
    (/^[0-9a-f]+$/.test(id) && id.length >= LEAST
      ? images.find(({ Id }) => Id.replace(/^sha256:/, '').startsWith(id))
      : undefined)
  );
}

/** Hosts that answer and have it. */
export function hostsWith(hosts: readonly Host[], reference: string): Host[] {
  return hosts.filter((host) => host.status === 'Healthy' && findImage(host, reference) !== undefined);
}
