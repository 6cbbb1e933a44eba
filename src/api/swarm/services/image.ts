/** What is learned about the image of a posted service: its digest for old clients, its id where it was built here. */
import { ApiError } from '../../../model/errors.ts';
import type { Service } from '../../../model/objects.ts';
import { sameSpec } from '../../../model/same-spec.ts';
import type { ServiceSpec } from '../../../model/spec.ts';
import { compareVersions } from '../../query.ts';
import type { ApiContext, ApiRequest } from '../../router.ts';
import { builtImage, familiar, resolveImage } from '../images/digest.ts';
import { parseImageReference } from '../images/reference.ts';

export interface KnownImage {
  /** The spec, with the image's digest where the server has to look for it. */
  spec: ServiceSpec;
  warnings: string[] | null;
  /** See `builtImage`. */
  imageBuild: string | undefined;
}

/** Newer clients pin images themselves, before they post a service. */
const CLIENTS_PIN_SINCE = '1.30';

export async function knowImage(
  spec: ServiceSpec,
  auth: string | undefined,
  request: ApiRequest,
  context: ApiContext,
): Promise<KnownImage> {
  const { apiVersion, signal } = request;
  const { engine } = context;
  const container = spec.TaskTemplate?.ContainerSpec;
  const image = container?.Image;
  if (!image) return { spec, warnings: null, imageBuild: undefined };
  let pinned = image;
  let warnings: string[] | null = null;
  if (compareVersions(apiVersion, CLIENTS_PIN_SINCE) < 0) {
    try {
      pinned = await pin(
        image,
        async () => (await resolveImage(engine, image, { auth, signal })).Descriptor.digest,
      );
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      warnings = [unpinned(image)];
    }
  }
  const ContainerSpec = { ...container, Image: pinned };
  return {
    spec: pinned === image ? spec : { ...spec, TaskTemplate: { ...spec.TaskTemplate, ContainerSpec } },
    warnings,
    imageBuild: await builtImage(engine, pinned, signal),
  };
}

/** `name:tag@digest`, in the short form. */
async function pin(image: string, digest: () => Promise<string>): Promise<string> {
  const reference = parseImageReference(image);
  if (!reference || reference.digest !== undefined) return image;
  return `${familiar(reference.name)}:${reference.tag ?? 'latest'}@${await digest()}`;
}

/**
 * The id for the image that `spec` names, once it is the service's. A new build under the same name counts when the
 * tasks are made anew anyway, or when the same spec is posted again, as `service update --image` and a second `stack
 * deploy` do; a service that is only scaled goes on with the build that it has.
 */
export function imageAfter(
  service: Service,
  spec: ServiceSpec,
  built: string | undefined,
): string | undefined {
  const { imageBuild } = service.internal;
  const sameImage =
    spec.TaskTemplate?.ContainerSpec?.Image === service.Spec.TaskTemplate?.ContainerSpec?.Image;
  if (built === undefined) return sameImage ? imageBuild : undefined;
  const otherwise = sameSpec(spec.TaskTemplate, service.Spec.TaskTemplate) && !sameSpec(spec, service.Spec);
  return otherwise ? imageBuild : built;
}

function unpinned(image: string): string {
  return (
    `image ${image} could not be accessed on a registry to record\nits digest. ` +
    `Each node will access ${image} independently,\npossibly leading to different nodes running different\n` +
    'versions of the image.\n'
  );
}
