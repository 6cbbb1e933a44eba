/** Names of services and networks, as SwarmKit checks them. */
import { rpcError } from '../../model/errors.ts';

const NAME = /^[a-zA-Z0-9](?:[-_]*[A-Za-z0-9]+)*$/;

/** Throws ApiError unless the name can be a DNS label. */
export function validateName(name: string): void {
  if (name === '') throw rpcError('InvalidArgument', 'meta: name must be provided');
  // The length comes first here: the pattern is slow on long names that do not match.
  if (name.length > 1000 || !NAME.test(name)) {
    throw rpcError('InvalidArgument', 'name must be valid as a DNS name component');
  }
  if (name.length > 63) throw rpcError('InvalidArgument', 'name must be 63 characters or fewer');
}
