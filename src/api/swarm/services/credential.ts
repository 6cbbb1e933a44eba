/** The registry credentials of a service, as its updates leave them. */
import { ApiError } from '../../../model/errors.ts';
import type { Credential, Service } from '../../../model/objects.ts';
import type { Change, View } from '../../../store/contract.ts';
import type { ApiRequest } from '../../router.ts';

type Auth = Pick<Credential, 'auth' | 'previousAuth'>;

export function registryAuth({ headers }: ApiRequest): string | undefined {
  const value = headers['x-registry-auth'];
  return (Array.isArray(value) ? value[0] : value) || undefined;
}

/** The credentials after an update: those that were sent, else those that `registryAuthFrom` points to. */
export function credentialFor(
  view: View,
  service: Service,
  sent?: string,
  query = new URLSearchParams(),
): Auth {
  const { auth, previousAuth } = view.get('credential', service.ID) ?? {};
  if (sent) return { auth: sent, previousAuth: auth };
  const from = query.get('registryAuthFrom') ?? '';
  if (from === '' || from === 'spec') return { auth, previousAuth: auth };
  if (from !== 'previous-spec') throw new ApiError(500, 'unsupported registryAuthFrom value');
  if (!service.PreviousSpec) throw new ApiError(500, 'service does not have a previous spec');
  return { auth: previousAuth, previousAuth: auth };
}

export function swappedCredential(view: View, service: Service): Auth {
  const { auth, previousAuth } = view.get('credential', service.ID) ?? {};
  return { auth: previousAuth, previousAuth: auth };
}

export function credentialChange(
  view: View,
  service: Service,
  { auth, previousAuth }: Auth,
  now: string,
): Change | undefined {
  const existing = view.get('credential', service.ID);
  if (existing?.auth === auth && existing?.previousAuth === previousAuth) return undefined;
  const object: Credential = {
    ID: service.ID,
    Version: existing?.Version ?? { Index: 0 },
    CreatedAt: existing?.CreatedAt ?? now,
    UpdatedAt: now,
    ...(auth === undefined ? {} : { auth }),
    ...(previousAuth === undefined ? {} : { previousAuth }),
    internal: {},
  };
  return { op: 'put', kind: 'credential', object };
}
