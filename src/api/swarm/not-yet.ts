/** What Docker Swarm can do and this version cannot. Each is refused, so that nobody waits for it in vain. */
import { ApiError } from '../../model/errors.ts';
import type { ServiceSpec } from '../../model/spec.ts';

/** Throws ApiError 501. The spec is in canonical form. */
export function refuseWhatIsMissing(spec: ServiceSpec): void {
  if (spec.EndpointSpec?.Ports?.some((port) => port.PublishMode === 'ingress')) {
    throw new ApiError(
      501,
      'publishing ports in ingress mode is not supported yet: publish them on each host with --publish mode=host,published=PORT,target=PORT',
    );
  }
  if (spec.Mode?.ReplicatedJob || spec.Mode?.GlobalJob) {
    throw new ApiError(
      501,
      'services that are jobs are not supported yet: use the mode replicated or global',
    );
  }
}
