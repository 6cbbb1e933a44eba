/** One namespace of the kernel as the data plane keeps it: facts and tables, wanted and known, and how to get there. */
import { DUMP_SCRIPT, type Dump, readDump } from './dump.ts';
import {
  compareFacts,
  type FactChange,
  type Facts,
  factBatches,
  type Tool,
  withoutForgotten,
} from './facts.ts';
import { changeTable, contentsOf, listedContents, type NftTable, replaceTable } from './nft.ts';
import { feed, runScript } from './shell.ts';

export interface Wanted {
  facts: Facts;
  tables: readonly NftTable[];
  /** Shell commands for before the change, in the same run. */
  first?: string;
  /** Lines of `ip` for before the change: what is wanted is made of what they make. */
  links?: readonly string[];
  /** Shell commands for after the change: `conntrack -D …`. */
  after?: string;
}

export interface KernelSideOptions {
  /** Undefined for the host's own. */
  namespace?: string;
  /** Leaves out what is not the data plane's. */
  own(facts: Facts): Facts;
}

interface Known {
  facts: Facts;
  /** Undefined while nobody knows what is there. */
  tables: readonly NftTable[] | undefined;
  /** Of the tables as the kernel prints them; undefined while nobody has looked since they were last changed. */
  checksum: string | undefined;
}

/** Stands on a line between the facts and the tables. */
const LISTED = 'tables';

const TOOLS: Record<Tool, string> = {
  ip: 'ip -batch -',
  ip6: 'ip -6 -batch -',
  bridge: 'bridge -batch -',
};

export class KernelSide {
  readonly #options: KernelSideOptions;
  #known: Known | undefined;

  constructor(options: KernelSideOptions) {
    this.#options = options;
  }

  /** The tables as they were last made, undefined when they have to be made anew. */
  get tables(): readonly NftTable[] | undefined {
    return this.#known?.tables;
  }

  /** As they are known to be; empty when they are not. */
  get facts(): Facts {
    return this.#known?.facts ?? new Map();
  }

  /** Whether the next change looks at the kernel first. */
  get unsure(): boolean {
    return this.#known === undefined;
  }

  /** Looks at what is there; it is taken to be known from now on. `seen` is told before `own` is asked. */
  async look(seen?: (dump: Dump) => void): Promise<void> {
    const dump = readDump(await runScript(DUMP_SCRIPT, this.#options.namespace));
    seen?.(dump);
    const facts = this.#options.own(dump.facts);
    this.#known = { tables: undefined, checksum: undefined, ...this.#known, facts };
  }

  /** Looks at everything and tells what differs; what is found is what the next `change` starts from. */
  async check(wanted: Wanted): Promise<{ changes: FactChange[]; ruleset: boolean }> {
    const known = this.#known;
    const made = known?.checksum === undefined ? known?.tables : undefined;
    const list = made ? fullListing(made) : listing(wanted.tables);
    const output = await runScript(`${DUMP_SCRIPT}echo\n${list}`, this.#options.namespace);
    const [lines, checksum] = withoutLast(output);
    const [dump, listed = ''] = lines.split(`\n${LISTED}\n`);
    const facts = this.#options.own(readDump(dump!).facts);
    const right = made ? isMadeOf(listed, made) : known?.checksum === checksum;
    this.#known =
      known && right ? { ...known, facts, checksum } : { facts, tables: undefined, checksum: undefined };
    return { changes: compareFacts(facts, wanted.facts), ruleset: !right };
  }

  /** Whether one of the tables is not there at all: the next `change` makes them anew then. */
  async lostTables(tables: readonly NftTable[]): Promise<boolean> {
    const listed = (await runScript('nft list tables\n', this.#options.namespace)).split('\n');
    if (tables.every(({ family, name }) => listed.includes(`table ${family} ${name}`))) return false;
    if (this.#known) this.#known = { ...this.#known, tables: undefined, checksum: undefined };
    return true;
  }

  /** Takes facts as known that this process has brought about itself. */
  assume(change: (facts: Facts) => Facts): void {
    if (this.#known) this.#known = { ...this.#known, facts: change(this.#known.facts) };
  }

  /** Makes it so. After a failure nothing is taken for granted the next time. */
  async change(wanted: Wanted): Promise<void> {
    if (this.#known === undefined) await this.look();
    const known = this.#known!;
    const left = withoutForgotten(known.facts, wanted.facts);
    const batches = factBatches(compareFacts(left, wanted.facts), wanted.links);
    const nft = wanted.tables.map((table, index) =>
      known.tables === undefined ? replaceTable(table) : changeTable(known.tables[index]!, table),
    );
    const rules = nft.join('');
    const script = [
      wanted.first ?? '',
      ...batches.map(({ tool, lines }) => feed(TOOLS[tool], lines)),
      feed('nft -f -', rules),
      wanted.after ?? '',
    ].join('');
    if (script === '') return;
    this.#known = undefined;
    // What was made anew is listed at once. To list what has changed costs more than the change: the next `check` does it.
    const list = known.tables === undefined && rules !== '' ? listing(wanted.tables) : '';
    const output = await runScript(`${script}${list}`, this.#options.namespace);
    const checksum = list !== '' ? withoutLast(output)[1] : rules === '' ? known.checksum : undefined;
    this.#known = { facts: wanted.facts, tables: wanted.tables, checksum };
  }

  forget(): void {
    this.#known = undefined;
  }
}

/** Prints a checksum of the tables. One run of nft for both would list neither: it reads what the last of its commands needs. */
function listing(tables: readonly NftTable[]): string {
  return `{ ${lists(tables)}; } | cksum\n`;
}

/** The same behind the tables themselves. */
function fullListing(tables: readonly NftTable[]): string {
  const print = `printf '%s\\n' "$tables"`;
  return `echo ${LISTED}\ntables=$(${lists(tables)})\n${print}\n${print} | cksum\n`;
}

function lists(tables: readonly NftTable[]): string {
  return tables.map(({ family, name }) => `nft list table ${family} ${name} 2>&1 || true`).join('; ');
}

/** The last line, and what is before it. */
function withoutLast(output: string): [string, string] {
  const text = output.trimEnd();
  const at = text.lastIndexOf('\n');
  return [text.slice(0, Math.max(at, 0)), text.slice(at + 1)];
}

/** Whether as much is in what nft has listed as in the tables. */
function isMadeOf(listed: string, tables: readonly NftTable[]): boolean {
  const is = listedContents(listed);
  const wanted = contentsOf(tables);
  return is.size === wanted.size && [...wanted].every(([what, count]) => is.get(what) === count);
}
