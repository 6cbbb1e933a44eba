/** The registry's names by DNS: hosts and the healthy instances of services, at the addresses of their hosts. */
import { Listener } from '../network/dns/listener.ts';
import { CODE, codeReply, readQuery, UNLIMITED } from '../network/dns/message.ts';
import { type Registered, registeredAnswer, registryDomain } from '../network/dns/registered.ts';
import type { Catalog, Registered as Instance } from './catalog.ts';
import { statusOf } from './http/select.ts';

export class RegistryDns {
  readonly #listener: Listener;

  private constructor(listener: Listener) {
    this.#listener = listener;
  }

  /**
   * @param catalog what is known now; undefined while nothing is
   * @param broken called once if it cannot go on
   * @throws what the system says if it cannot listen there
   */
  static async start(
    where: { host: string; port: number },
    catalog: () => Catalog | undefined,
    broken: (error: Error) => void,
  ): Promise<RegistryDns> {
    const handle = (message: Buffer, _source: string, transport: 'datagram' | 'connection') =>
      answer(message, transport, catalog());
    const { host: address, port } = where;
    return new RegistryDns(await Listener.open({ address, port, handle, broken }));
  }

  close(): Promise<void> {
    return this.#listener.close();
  }
}

function answer(
  message: Buffer,
  transport: 'datagram' | 'connection',
  catalog: Catalog | undefined,
): Buffer | undefined {
  const query = readQuery(message);
  if (query === undefined) return undefined;
  if ('code' in query) return codeReply(query, query.code);
  if (registryDomain(query.name) === undefined) return codeReply(query, CODE.refused);
  if (!catalog) return codeReply(query, CODE.serverFailure);
  const limit = transport === 'datagram' ? query.datagram : UNLIMITED;
  return registeredAnswer(query, registeredIn(catalog), limit) ?? codeReply(query, CODE.noSuchName);
}

function registeredIn(catalog: Catalog): Registered {
  return {
    service(name) {
      const all = catalog.serviceFolded(name);
      return all && placesOf(all);
    },
    node(name) {
      const host = catalog.host(name);
      return host && [host.address];
    },
  };
}

/** Those that pass. Where nobody does, those whose health nobody sees just now: they may well serve. */
function placesOf(all: readonly Instance[]) {
  const passing = all.filter((each) => statusOf(each) === 'passing');
  const some = passing.length > 0 ? passing : all.filter((each) => statusOf(each) === 'warning');
  return some.map(({ address, port, protocol, tags }) => ({ addresses: [address], port, protocol, tags }));
}
