/**
 * Counters and histograms, and their text in the formats that Prometheus reads. By hand: it is less code than a library's
 * set-up would be, and costs a daemon that nobody asks no memory.
 */

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  /** What is put behind the family's name: `_bucket`. */
  suffix?: string;
  labels?: Labels;
  value: number;
}

export interface Family {
  /** Of a counter: without `_total`. */
  name: string;
  help: string;
  type: 'counter' | 'gauge' | 'histogram';
  samples: Iterable<Sample>;
}

export type Format = 'text' | 'openmetrics';

export const TYPES: Readonly<Record<Format, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** One number for each combination of labels. */
export class Counter {
  readonly #values = new Map<string, { labels: Labels; value: number }>();
  /** So many combinations are told apart; further ones are all one, with the labels that say so. */
  readonly #most: number;
  readonly #further: Labels;

  constructor(most = 1_000, further: Labels = {}) {
    this.#most = most;
    this.#further = further;
  }

  add(labels: Labels = {}, value = 1): void {
    const key = JSON.stringify(labels);
    const known = this.#values.get(key);
    if (known) known.value += value;
    else if (this.#values.size < this.#most || labels === this.#further)
      this.#values.set(key, { labels, value });
    else this.add(this.#further, value);
  }

  samples(): Sample[] {
    return [...this.#values.values()].map((each) => ({ ...each, suffix: '_total' }));
  }
}

/** From what happens within a process to what takes a network of hosts, in seconds. */
const BOUNDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export class Histogram {
  readonly #labels: Labels;
  readonly #counts = new Array<number>(BOUNDS.length + 1).fill(0);
  #sum = 0;

  constructor(labels: Labels = {}) {
    this.#labels = labels;
  }

  observe(seconds: number): void {
    const at = BOUNDS.findIndex((bound) => seconds <= bound);
    this.#counts[at < 0 ? BOUNDS.length : at]!++;
    this.#sum += seconds;
  }

  samples(): Sample[] {
    let total = 0;
    const buckets = this.#counts.map((count, at): Sample => {
      total += count;
      const le = at < BOUNDS.length ? goNumber(BOUNDS[at]!) : '+Inf';
      return { suffix: '_bucket', labels: { ...this.#labels, le }, value: total };
    });
    const { ...labels } = this.#labels;
    return [
      ...buckets,
      { suffix: '_sum', labels, value: this.#sum },
      { suffix: '_count', labels, value: total },
    ];
  }
}

const goNumber = (value: number): string => (Number.isInteger(value) ? `${value}.0` : String(value));

export function textOf(families: Iterable<Family>, format: Format): string {
  const lines: string[] = [];
  for (const { name, help, type, samples } of families) {
    // The older format has each counter under the name that its samples have.
    const family = type === 'counter' && format === 'text' ? `${name}_total` : name;
    lines.push(`# HELP ${family} ${escaped(help)}`, `# TYPE ${family} ${type}`);
    for (const { suffix = '', labels = {}, value } of samples)
      lines.push(`${name}${suffix}${labelText(labels)} ${value}`);
  }
  if (format === 'openmetrics') lines.push('# EOF');
  return `${lines.join('\n')}\n`;
}

function labelText(labels: Labels): string {
  const parts = Object.entries(labels).map(
    ([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`,
  );
  return parts.length > 0 ? `{${parts.join(',')}}` : '';
}

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');

/** The format that a client asks for by its Accept header. */
export function formatFor(accept: string | undefined): Format {
  return accept?.includes('application/openmetrics-text') ? 'openmetrics' : 'text';
}
