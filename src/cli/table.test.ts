import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fillTemplate, table } from './table.ts';

test('columns are as wide as their longest cell, lines end without blanks', () => {
  const rows = [
    ['a', 'x', ''],
    ['longer', 'y', 'z'],
  ];
  assert.equal(table(['N', 'SECOND', 'E'], rows), 'N        SECOND   E\na        x\nlonger   y        z\n');
});

test('fields of a template are filled in', () => {
  assert.equal(fillTemplate('{{.Name}}\\t{{ .State }}!', { Name: 'a', State: 'Up' }), 'a\tUp!');
  assert.throws(() => fillTemplate('{{.Nope}}', { Name: 'a' }), /Unknown field "Nope": use Name/);
  for (const torn of ['{{.Name', '.Name}}', '{{.Name}} {{'])
    assert.throws(() => fillTemplate(torn, { Name: 'a' }), /in two braces/, torn);
});
