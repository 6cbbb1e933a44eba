import { MachineError } from '../machine/driver.ts';

/** Lays out rows under their headings in columns of the width of their longest cell, three spaces apart. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('   ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** @throws MachineError if a field of a template is begun and not ended, or the other way round */
export function checkTemplate(template: string): void {
  if (/\{\{|\}\}/.test(template.replace(/\{\{[^{}]*\}\}/g, '')))
    throw new MachineError(`Template "${template}": each field is written {{.Field}}, in two braces.`);
}

/** Fills `{{.Name}}` and the like in with the fields of a row; throws for a field that the row does not have. */
export function fillTemplate(template: string, row: Readonly<Record<string, string>>): string {
  checkTemplate(template);
  return template
    .replaceAll('\\t', '\t')
    .replaceAll('\\n', '\n')
    .replace(/\{\{\s*\.?([^}]*?)\s*\}\}/g, (_, field: string) => {
      const value = row[field];
      if (value === undefined)
        throw new MachineError(`Unknown field "${field}": use ${Object.keys(row).join(', ')}`);
      return value;
    });
}
