import type { Kind } from '../contract.ts';

const SECRET: ReadonlySet<Kind> = new Set<Kind>([
  ...(['cluster', 'secret', 'config', 'oldContent', 'credential'] as const),
  ...(['user', 'session', 'accessToken', 'stackRevision', 'registryKey', 'keepsake'] as const),
]);

/** Whether objects of that kind leave the process only encrypted, whatever the store keeps them in. */
export function isSecret(kind: Kind): boolean {
  return SECRET.has(kind);
}
