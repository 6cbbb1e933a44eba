/** What Docker Swarm can do and this version cannot. Each is refused, so that nobody waits for it in vain. */
import { ApiError } from '../../model/errors.ts';
import type { ServiceSpec } from '../../model/spec.ts';

/** Throws ApiError 501. The spec is in canonical form. */
export function refuseWhatIsMissing(spec: ServiceSpec): void {
  if (spec.Mode?.ReplicatedJob || spec.Mode?.GlobalJob) {
    throw new ApiError(
      501,
      'services that are jobs are not supported yet: use the mode replicated or global',
    );
  }
}
