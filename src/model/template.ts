/**
 * The placeholders that may stand in a service's env, hostname and mounts, and in secrets and configs: the part of Go's
 * template language that has a meaning there (fields, variables, if, with, range, functions, literals, pipes), with the
 * errors that Docker gives for the rest.
 */
import { callBuiltIn, goType, isBuiltIn, show, strings, truth } from './template-functions.ts';
import {
  lineOf,
  type Pipe,
  type Statement,
  TemplateError,
  type Term,
  type Value,
} from './template-parser.ts';
import { type BlockNode, readTemplate, type TemplateNode } from './template-tree.ts';

export { TemplateError };

export interface TemplateContext {
  Service: { ID: string; Name: string; Labels: Record<string, string> };
  Node: { ID: string; Hostname: string; Platform: { Architecture: string; OS: string } };
  /** Slot: the number of the slot, or the node's id for a task that has none. */
  Task: { ID: string; Name: string; Slot: string };
}

/** Functions beyond the built-in ones (in the content of secrets and configs). They get strings. */
export type TemplateFunctions = Record<string, (...args: string[]) => string>;

/** Expands all placeholders. Throws TemplateError with Docker's text. */
export function expand(text: string, context: TemplateContext, functions: TemplateFunctions = {}): string {
  const nodes = readTemplate(text, (name) => isBuiltIn(name) || Object.hasOwn(functions, name));
  return new Evaluator(text, context, functions).all(nodes, context as unknown as Value);
}

/** Ranges within ranges take as many rounds as labels to the power of their depth, and one thread does the expanding. */
const MOST_ROUNDS = 10_000;

class Evaluator {
  readonly #text: string;
  readonly #functions: TemplateFunctions;
  /** What Go calls the types of the context and its parts. */
  readonly #types: ReadonlyMap<Value, string>;
  readonly #labels: Value;
  /** Those that are seen at the place that is being expanded, the newest last. */
  readonly #variables: Array<{ name: string; value: Value }>;
  #rounds = 0;

  constructor(text: string, context: TemplateContext, functions: TemplateFunctions) {
    this.#text = text;
    this.#functions = functions;
    this.#types = new Map<Value, string>([
      [context as unknown as Value, '*template.Context'],
      [context.Service, 'struct { ID string; Name string; Labels map[string]string }'],
      [context.Node, 'struct { ID string; Hostname string; Platform template.Platform }'],
      [context.Task, 'struct { ID string; Name string; Slot string }'],
      [context.Node.Platform, 'template.Platform'],
    ]);
    this.#labels = context.Service.Labels;
    this.#variables = [{ name: '$', value: context as unknown as Value }];
  }

  all(nodes: readonly TemplateNode[], dot: Value): string {
    return nodes.map((node) => this.#one(node, dot)).join('');
  }

  #one(node: TemplateNode, dot: Value): string {
    if (node.kind === 'text') return node.text;
    if (node.kind === 'action') {
      const value = this.#statement(node.statement, dot);
      return node.statement.variables.length > 0 ? '' : show(value);
    }
    const before = this.#variables.length;
    try {
      if (node.kind === 'range') return this.#range(node, dot);
      const value = this.#statement(node.statement, dot);
      if (!truth(value)) return this.all(node.otherwise, dot);
      return this.all(node.body, node.kind === 'with' ? value : dot);
    } finally {
      this.#variables.length = before;
    }
  }

  /** The labels are all that there is to go through; their keys come in order. */
  #range(node: BlockNode, dot: Value): string {
    const { statement, body, otherwise } = node;
    const over = this.#pipe(statement.pipe, dot);
    const fail = (reason: string): never => {
      const [first, ...more] = statement.pipe.flat();
      const at = more.length === 0 ? fieldAt(first!) : first!.at;
      throw this.#error(at, this.#sourceOf(statement.pipe), reason);
    };
    const labels =
      typeof over === 'object' && !this.#types.has(over)
        ? over
        : fail(`range can't iterate over ${show(over)}`);
    const keys = Object.keys(labels).sort();
    if (keys.length === 0) return this.all(otherwise, dot);
    return keys
      .map((key) => {
        if (++this.#rounds > MOST_ROUNDS) fail('too many rounds');
        const before = this.#variables.length;
        const value = labels[key]!;
        this.#set(statement, statement.variables.length === 2 ? [key, value] : [value]);
        const text = this.all(body, value);
        this.#variables.length = before;
        return text;
      })
      .join('');
  }

  #statement(statement: Statement, dot: Value): Value {
    const value = this.#pipe(statement.pipe, dot);
    this.#set(statement, [value]);
    return value;
  }

  #set({ variables, assigns }: Statement, values: Value[]): void {
    variables.forEach((name, at) => {
      const value = values[at]!;
      const known = assigns ? this.#variables.findLast((variable) => variable.name === name) : undefined;
      if (known) known.value = value;
      else this.#variables.push({ name, value });
    });
  }

  #pipe(pipe: Pipe, dot: Value): Value {
    let last: Value | undefined;
    for (const [head, ...rest] of pipe) {
      const args = rest.map((term) => this.#term(term, dot));
      if (last !== undefined) args.push(last);
      last =
        head!.kind === 'name' ? this.#call(head!, args, [head!, ...rest]) : this.#plain(head!, args, dot);
    }
    return last!;
  }

  #plain(term: Term, args: Value[], dot: Value): Value {
    if (args.length > 0) {
      const what = term.kind === 'path' ? (term.fields.at(-1) ?? '.') : term.text;
      const reason = `${what} has arguments but cannot be invoked as function`;
      throw this.#error(fieldAt(term), term.text, reason);
    }
    return this.#term(term, dot);
  }

  #term(term: Term, dot: Value): Value {
    switch (term.kind) {
      case 'literal':
        return term.value;
      case 'group':
        return this.#pipe(term.pipe, dot);
      case 'name':
        return this.#call(term, [], [term]);
      case 'path':
        return this.#field(term, term.fields, term.of === '' ? dot : this.#variable(term, term.of));
    }
  }

  #variable(term: Term, name: string): Value {
    const found = this.#variables.findLast((variable) => variable.name === name);
    if (!found) throw this.#error(term.at, term.text, `undefined variable: ${name}`);
    return found.value;
  }

  #field(term: Term, fields: string[], of: Value): Value {
    const at = fieldAt(term);
    let value = of;
    for (const field of fields) {
      if (value === this.#labels) {
        if (!Object.hasOwn(value as object, field))
          throw this.#error(at, term.text, `map has no entry for key ${JSON.stringify(field)}`);
      } else if (typeof value !== 'object' || !Object.hasOwn(value, field)) {
        const type = this.#types.get(value) ?? goType(value);
        throw this.#error(at, term.text, `can't evaluate field ${field} in type ${type}`);
      }
      value = (value as { [key: string]: Value })[field]!;
    }
    return value;
  }

  #call(term: Term, args: Value[], terms: Term[]): Value {
    const fail = (reason: string): never => {
      throw this.#error(term.at, this.#sourceOf([terms]), `error calling ${term.text}: ${reason}`);
    };
    const own = Object.hasOwn(this.#functions, term.text) ? this.#functions[term.text] : undefined;
    if (own) {
      try {
        return own(...strings(args, fail));
      } catch (error) {
        return fail((error as Error).message);
      }
    }
    return callBuiltIn(term.text, args, fail);
  }

  /** What stands in the template for a pipe, up to its last word. */
  #sourceOf(pipe: Pipe): string {
    const terms = pipe.flat();
    const end = terms.at(-1)!;
    return this.#text.slice(terms[0]!.at, end.at + end.text.length);
  }

  #error(at: number, source: string, reason: string): TemplateError {
    const column = at - this.#text.lastIndexOf('\n', at - 1) - 1;
    const where = `expansion:${lineOf(this.#text, at)}:${column}`;
    return new TemplateError(`template: ${where}: executing "expansion" at <${source}>: ${reason}`);
  }
}

/** Where Go says that a chain of fields is: at its second field if there is one. */
function fieldAt(term: Term): number {
  const second = term.text.indexOf('.', 1);
  return term.kind === 'path' && second > 0 ? term.at + second : term.at;
}
