/** A service's settings as a form, and what was typed into it as a spec and as a docker command. */
import { FIELDS } from './fields.ts';
import { type Field, linesOf } from './kinds.ts';
import { FieldError, type Names, type ServiceSpec } from './spec.ts';

/** Texts by the keys of fields; what is not there can only be changed as YAML. */
export type Form = Readonly<Record<string, string>>;

export function formOf(spec: ServiceSpec, names: Names): Form {
  return Object.fromEntries(
    FIELDS.flatMap((field) => {
      const value = field.read(spec, names);
      return value === undefined ? [] : [[field.key, value]];
    }),
  );
}

export interface Applied {
  spec: ServiceSpec;
  /** What is wrong, by the keys of fields. */
  problems: Record<string, string>;
}

/** The spec with what was changed in its form; what was not stays exactly as it is. */
export function applied(spec: ServiceSpec, form: Form, names: Names): Applied {
  const before = formOf(spec, names);
  const problems: Record<string, string> = {};
  let made = spec;
  for (const field of changedFields(before, form)) {
    try {
      made = field.write(made, form[field.key]!, names);
    } catch (error) {
      if (!(error instanceof FieldError)) throw error;
      problems[field.key] = error.message;
    }
  }
  return { spec: made, problems };
}

function changedFields(before: Form, after: Form): Field[] {
  const isThere = (form: Form, key: string): boolean => form[key] !== undefined;
  return FIELDS.filter(
    ({ key }) => isThere(before, key) && isThere(after, key) && before[key] !== after[key],
  );
}

/** The docker command that makes the second of the first; undefined if nothing of a form has changed. */
export function updateCommand(before: ServiceSpec, after: ServiceSpec, names: Names): string | undefined {
  const [a, b] = [formOf(before, names), formOf(after, names)];
  const flags = changedFields(a, b).flatMap(({ key, flags }) => flags(a[key] ?? '', b[key]!));
  if (flags.length === 0) return undefined;
  return ['docker', 'service', 'update', ...flags, after.Name].map(quoted).join(' ');
}

/** The docker command that makes a service of the spec. */
export function createCommand(spec: ServiceSpec, names: Names): string {
  const mode = spec.Mode?.Global ? ['--mode', 'global'] : [];
  const [none, form] = [formOf({ ...spec, ...NOTHING }, names), formOf(spec, names)];
  const fields = changedFields(none, form).filter(({ key }) => key !== 'image' && key !== 'args');
  // An update adds to what is there; here there is nothing.
  const flags = fields
    .flatMap(({ key, flags }) => flags('', form[key]!))
    .map((flag) => flag.replace(/^(--[a-z-]+)-add$/, '$1'));
  const words = linesOf(form.args ?? '');
  const command = ['docker', 'service', 'create', '--name', spec.Name || 'NAME', ...mode, ...flags];
  return [...command, form.image || 'IMAGE', ...words].map(quoted).join(' ');
}

/** What a service has of which nothing is said. */
const NOTHING: Partial<ServiceSpec> = {
  ...{ TaskTemplate: {}, Labels: {}, Mode: { Replicated: {} } },
  ...{ EndpointSpec: undefined, UpdateConfig: undefined },
};

/** A word as a shell reads it. */
export function quoted(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", "'\\''")}'`;
}
