/** Where the nodes of that host name, or of that id, are reached; `name` without regard to case. */
import type { View } from '../store/contract.ts';

export function addressesOf(view: View, name: string): string[] {
  const folded = name.toLowerCase();
  const called = [...view.all('node')].filter(
    ({ ID, Description }) => ID === folded || Description?.Hostname?.toLowerCase() === folded,
  );
  return [...new Set(called.map(({ Status }) => Status.Addr).filter((address) => address))];
}
