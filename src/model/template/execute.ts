/** Goes through a template's statements and writes what they make. */
import type { Bytes } from './bytes.ts';
import type { TemplateError } from './errors.ts';
import { Evaluator, type Shared } from './evaluate.ts';
import { show } from './fmt/print.ts';
import { printable } from './functions/built-in.ts';
import { LimitError } from './limits.ts';
import { quote } from './quote.ts';
import type { Branch, Invocation, Statement, Template } from './syntax/tree.ts';
import { followed, truth, type Value } from './value.ts';

/** What a statement leads to: the next one, or out of a range. */
type Outcome = 'next' | 'break' | 'continue';

/** What the template makes of the dot. Throws TemplateError with Go's text. */
export function execute(
  template: Template,
  templates: ReadonlyMap<Bytes, Template>,
  dot: Value,
  shared: Shared,
): Bytes {
  const output: Bytes[] = [];
  const main = new Executor(template, templates, dot, shared, output);
  try {
    main.run(template.body, dot);
  } catch (error) {
    throw error instanceof LimitError ? main.limitError(error.message) : error;
  }
  return output.join('');
}

class Executor {
  readonly #templates: ReadonlyMap<Bytes, Template>;
  readonly #shared: Shared;
  readonly #evaluator: Evaluator;
  readonly #output: Bytes[];

  constructor(
    template: Template,
    templates: ReadonlyMap<Bytes, Template>,
    dot: Value,
    shared: Shared,
    output: Bytes[],
  ) {
    this.#templates = templates;
    this.#shared = shared;
    this.#evaluator = new Evaluator(shared, template.name, dot);
    this.#output = output;
  }

  limitError(reason: Bytes): TemplateError {
    return this.#evaluator.limitError(reason);
  }

  run(body: readonly Statement[], dot: Value): Outcome {
    return this.#shared.limits.deeper(() => {
      for (const statement of body) {
        const outcome = this.#one(statement, dot);
        if (outcome !== 'next') return outcome;
      }
      return 'next';
    });
  }

  #one(statement: Statement, dot: Value): Outcome {
    this.#shared.limits.step();
    this.#evaluator.at(statement);
    switch (statement.kind) {
      case 'text':
        this.#write(statement.text);
        return 'next';
      case 'action': {
        const value = this.#evaluator.pipe(statement.pipe, dot);
        this.#evaluator.at(statement);
        if (statement.pipe.variables.length === 0) this.#write(show(printable(value), this.#shared.limits));
        return 'next';
      }
      case 'template':
        this.#invoke(statement, dot);
        return 'next';
      case 'break':
      case 'continue':
        return statement.kind;
      default:
        return this.#scoped(() =>
          statement.kind === 'range' ? this.#range(statement, dot) : this.#choose(statement, dot),
        );
    }
  }

  #write(text: Bytes): void {
    this.#shared.limits.bytes(text.length);
    this.#output.push(text);
  }

  /** Variables that come meanwhile are gone afterwards. */
  #scoped(action: () => Outcome): Outcome {
    const { variables } = this.#evaluator;
    const before = variables.length;
    const outcome = action();
    variables.length = before;
    return outcome;
  }

  #choose({ kind, pipe, body, otherwise }: Branch, dot: Value): Outcome {
    const value = this.#evaluator.pipe(pipe, dot);
    if (truth(value)) return this.run(body, kind === 'with' ? value : dot);
    return otherwise ? this.run(otherwise, dot) : 'next';
  }

  #range({ pipe, body, otherwise }: Branch, dot: Value): Outcome {
    const over = followed(this.#evaluator.pipe(pipe, dot));
    let rounds = 0;
    for (const [key, value] of this.#rounds(over, pipe.variables.length)) {
      rounds++;
      this.#shared.limits.step();
      const outcome = this.#scoped(() => {
        const given = pipe.variables.length > 1 ? [key, value] : [value];
        // They are there already, with what the range goes over.
        for (const [at, { name }] of pipe.variables.entries()) this.#evaluator.set(name, given[at], true);
        return this.run(body, value);
      });
      if (outcome === 'break') break;
    }
    return rounds === 0 && otherwise ? this.run(otherwise, dot) : 'next';
  }

  *#rounds(over: Value, variables: number): Iterable<[Value, Value]> {
    const isByte = typeof over === 'object' && over.kind === 'uint8';
    if (typeof over === 'bigint' || isByte) {
      const count = isByte ? BigInt(over.value) : (over as bigint);
      if (variables > 1)
        throw this.#evaluator.error(`can't use ${count} to iterate over more than one variable`);
      for (let i = 0n; i < count; i++) yield [undefined, isByte ? { kind: 'uint8', value: Number(i) } : i];
      return;
    }
    if (over === undefined) return;
    if (typeof over !== 'object' || over.kind !== 'map')
      throw this.#evaluator.error(`range can't iterate over ${show(over, this.#shared.limits)}`);
    yield* over.entries;
  }

  #invoke({ name, pipe }: Invocation, dot: Value): void {
    const template = this.#templates.get(name);
    if (!template) throw this.#evaluator.error(`template ${quote(name)} not defined`);
    const inner = pipe ? this.#evaluator.pipe(pipe, dot) : undefined;
    const executor = new Executor(template, this.#templates, inner, this.#shared, this.#output);
    executor.run(template.body, inner);
  }
}
