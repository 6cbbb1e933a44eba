/** Lists on the command line and in files. */
import { readFile } from 'node:fs/promises';
import { type Discovery, DiscoveryError, type DiscoveryOptions } from './contract.ts';
import { addresses, entriesOf } from './entries.ts';
import { polled } from './poll.ts';

async function noRegister(): Promise<never> {
  throw new DiscoveryError('not implemented in this discovery service');
}

/** `nodes://a:1,b:2`, or without a scheme: never changes. @throws DiscoveryError */
export function nodesDiscovery(list: string): Discovery {
  const known = readList(list);
  return {
    scheme: 'nodes',
    async *watch(signal) {
      yield known;
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    },
    register: noRegister,
  };
}

function readList(list: string): string[] {
  try {
    return addresses(list.split(',').map((entry) => entry.trim()));
  } catch (error) {
    const hint = 'please check you are using the correct discovery (missing token:// ?)';
    throw new DiscoveryError(`${(error as Error).message}, ${hint}`);
  }
}

/** `file://path`: read again at every heartbeat. */
export function fileDiscovery(path: string, { heartbeat, failed }: DiscoveryOptions): Discovery {
  const ask = async (): Promise<string[]> => addresses(entriesOf(await readFile(path, 'utf8')));
  return {
    scheme: 'file',
    watch: (signal) => polled(ask, heartbeat, failed, signal),
    register: noRegister,
  };
}
