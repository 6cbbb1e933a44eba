/** What several commands read of their flags. */
import { FlagError, type Values } from './flags.ts';

/** `--discovery-opt k=v` @throws FlagError */
export function discoveryOptions(values: Values): Record<string, string> {
  return Object.fromEntries(
    values.list('discovery-opt').map((option) => {
      const at = option.indexOf('=');
      if (at <= 0)
        throw new FlagError(`invalid --discovery-opt ${option}: give a name and a value, kv.path=some/path`);
      return [option.slice(0, at), option.slice(at + 1)];
    }),
  );
}

/** Whether it is `host:port`. */
export function checkAddress(address: string): boolean {
  const found = /^(\[[0-9a-fA-F:.%]+\]|[^:[\]\s]+):(\d{1,5})$/.exec(address);
  const port = Number(found?.[2]);
  return found !== null && port > 0 && port <= 65_535;
}
