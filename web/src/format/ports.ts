/** Ports as Docker writes them. */
import type { PortRow } from '../../../src/ui/protocol.ts';

/** `8080→80`, `53→53/udp`, `80 (host)`. */
export function portText({ published, target, protocol, mode }: PortRow): string {
  const to = protocol === 'tcp' ? String(target) : `${target}/${protocol}`;
  const text = published === undefined ? to : `${published}→${to}`;
  return mode === 'host' ? `${text} (host)` : text;
}
