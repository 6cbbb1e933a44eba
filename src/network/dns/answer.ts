/** Answers to what is asked for names of ours, put together from encoded records that are kept per list of addresses. */
import { addressRecord, CODE, codeReply, pointerRecord, type Query, reply, TYPE } from './message.ts';
import { addressOfPointer, findName, findPointer, type Unknown, type View } from './names.ts';

const encoded = new WeakMap<readonly string[], readonly Buffer[]>();

/**
 * @param limit of the answer in bytes
 * @param random at least 0, less than 1
 * @returns undefined where somebody else knows
 */
export function ownAnswer(
  query: Query,
  view: View,
  limit: number,
  random: () => number = Math.random,
): Buffer | undefined {
  const { name, type } = query;
  if (name.endsWith('.arpa')) {
    const address = addressOfPointer(name);
    if (address !== undefined) {
      const found = findPointer(view, address);
      if (typeof found === 'string') return unknown(query, found);
      return reply(query, type === TYPE.PTR || type === TYPE.ANY ? [pointerRecord(found.name)] : [], {
        limit,
      });
    }
  }
  const found = findName(view, name, type === TYPE.AAAA ? 'v6' : 'v4');
  if (typeof found === 'string') return unknown(query, found);
  return reply(query, shuffled(recordsFor(found, type), limit, random), { limit });
}

function unknown(query: Query, who: Unknown): Buffer | undefined {
  if (who === 'elsewhere') return undefined;
  return codeReply(query, who === 'nowhere' ? CODE.noSuchName : CODE.serverFailure);
}

function recordsFor(
  { v4, v6 }: { v4: readonly string[]; v6: readonly string[] },
  type: number,
): readonly Buffer[] {
  if (type === TYPE.A) return records(v4);
  if (type === TYPE.AAAA) return records(v6);
  return type === TYPE.ANY ? [...records(v4), ...records(v6)] : [];
}

function records(addresses: readonly string[]): readonly Buffer[] {
  const known = encoded.get(addresses);
  if (known) return known;
  const made = addresses.map((address) => addressRecord(address));
  encoded.set(addresses, made);
  return made;
}

/** In random order, as many takers use the first only. Mixed is just the beginning that fits into `limit` bytes. */
export function shuffled(
  values: readonly Buffer[],
  limit: number,
  random: () => number = Math.random,
): readonly Buffer[] {
  if (values.length < 2) return values;
  const mixed = [...values];
  const needed = Math.min(mixed.length - 1, Math.ceil(limit / mixed[0]!.length));
  for (let index = 0; index < needed; index++) {
    const other = index + Math.floor(random() * (mixed.length - index));
    [mixed[index], mixed[other]] = [mixed[other]!, mixed[index]!];
  }
  return mixed;
}
