import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { expand, type TemplateContext, TemplateError } from './template.ts';

const context: TemplateContext = {
  Service: { ID: 'sid', Name: 'web', Labels: { a: 'b', 'x.y': 'z' } },
  Node: { ID: 'nid', Hostname: 'host1', Platform: { Architecture: 'x86_64', OS: 'linux' } },
  Task: { ID: 'tid', Name: 'web.1.tid', Slot: '1' },
};

const good: Array<[string, string]> = [
  ['plain', 'plain'],
  ['a}}b', 'a}}b'],
  ['{{.Node.Hostname}}-{{.Task.Slot}}', 'host1-1'],
  ['{{ .Node.ID }}/{{.Node.Platform.OS}}/{{.Node.Platform.Architecture}}', 'nid/linux/x86_64'],
  ['{{.Service.Labels.a}} {{index .Service.Labels "x.y"}}|{{index .Service.Labels "no"}}', 'b z|'],
  ['{{.Task.Slot -}} x', '1x'],
  ['x {{- .Task.Slot}}', 'x1'],
  ['{{/* c */}}z', 'z'],
  ['{{join "," "a" .Task.Name}}', 'a,web.1.tid'],
  ['{{.Task.Name | printf "%s-%s" "a"}}', 'a-web.1.tid'],
  ['{{"lit"}}{{1}}{{`raw`}}', 'lit1raw'],
  ['{{index .Node.ID 0}} {{len .Task.Name}}', '110 9'],
  ['{{eq .Task.Slot "1"}}', 'true'],
  ['{{print (index .Service.Labels "a") "c"}}', 'bc'],
  ['{{.Service}}', '{sid web map[a:b x.y:z]}'],
  ['{{.}}', '{{sid web map[a:b x.y:z]} {nid host1 {x86_64 linux}} {tid web.1.tid 1}}'],
];

const executing = (column: number, source: string): string =>
  `template: expansion:1:${column}: executing "expansion" at <${source}>: `;
const bad: Array<[string, string]> = [
  ['{{.Nope}}', `${executing(2, '.Nope')}can't evaluate field Nope in type *template.Context`],
  ['/{{.Nope}}', `${executing(3, '.Nope')}can't evaluate field Nope in type *template.Context`],
  [
    '{{.Node.X}}',
    `${executing(7, '.Node.X')}can't evaluate field X in type struct { ID string; Hostname string; Platform template.Platform }`,
  ],
  [
    '{{.Service.X}}',
    `${executing(10, '.Service.X')}can't evaluate field X in type struct { ID string; Name string; Labels map[string]string }`,
  ],
  [
    '{{.Node.Platform.X}}',
    `${executing(7, '.Node.Platform.X')}can't evaluate field X in type template.Platform`,
  ],
  ['{{.Node.ID.X}}', `${executing(7, '.Node.ID.X')}can't evaluate field X in type string`],
  ['{{.Service.Labels.x}}', `${executing(10, '.Service.Labels.x')}map has no entry for key "x"`],
  [
    '{{index .Service.Labels 1}}',
    `${executing(2, 'index .Service.Labels 1')}error calling index: value has type int; should be string`,
  ],
  ['{{.Node.ID .Node.ID}}', `${executing(7, '.Node.ID')}ID has arguments but cannot be invoked as function`],
  ['{{join}}', `${executing(2, 'join')}error calling join: runtime error: slice bounds out of range [1:0]`],
  ['{{foo}}', 'template: expansion:1: function "foo" not defined'],
  ['{{secret "x"}}', 'template: expansion:1: function "secret" not defined'],
  ['{{.Node', 'template: expansion:1: unclosed action'],
  ['{{}}', 'template: expansion:1: missing value for command'],
  ['{{"abc}}', 'template: expansion:1: unterminated quoted string'],
];

for (const [text, expected] of good)
  test(`expands ${text}`, () => assert.equal(expand(text, context), expected));

for (const [text, message] of bad)
  test(`refuses ${text}`, () => assert.throws(() => expand(text, context), { message }));

test('functions of the caller are found, and their errors are the template’s', () => {
  const functions = {
    env: (name: string) => {
      if (name !== 'A') throw new Error('none');
      return 'v';
    },
  };
  assert.equal(expand('{{env "A"}}', context, functions), 'v');
  assert.throws(() => expand('{{env "B"}}', context, functions), {
    message: `${executing(2, 'env "B"')}error calling env: none`,
  });
});

test('any text either expands or is a TemplateError, and text without braces stays as it is', () => {
  const piece = fc.constantFrom(
    '{{',
    '}}',
    '.',
    'Node',
    'ID',
    ' ',
    '"',
    '(',
    ')',
    '|',
    'index',
    '1',
    '-',
    'x',
    '\n',
    '`',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join('');
      try {
        const result = expand(text, context);
        if (!text.includes('{{')) assert.equal(result, text);
      } catch (error) {
        assert.ok(error instanceof TemplateError, `${text}: ${error}`);
      }
    }),
  );
});
