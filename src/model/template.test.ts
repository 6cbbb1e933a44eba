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

const blocks: Array<[string, string]> = [
  ['{{if eq .Task.Slot "1"}}first{{else}}other{{end}}', 'first'],
  ['{{if eq .Task.Slot "2"}}a{{else if .Node.ID}}b{{else}}c{{end}}d', 'bd'],
  ['{{if eq .Task.Slot "2"}}a{{else if eq 1 2}}b{{else}}c{{end}}d', 'cd'],
  ['{{if ne .Task.Slot "1"}}a{{end}}|', '|'],
  ['{{if and (gt 2 1) (le 1 1) (lt "a" "b") (ge 1 1)}}y{{end}}', 'y'],
  ['{{with .Node}}{{.Hostname}} {{$.Task.Slot}}{{end}}', 'host1 1'],
  ['{{with index .Service.Labels "no"}}{{.}}{{else}}none{{end}}', 'none'],
  ['{{with $node := .Node}}{{$node.ID}}{{end}}', 'nid'],
  ['{{range .Service.Labels}}<{{.}}>{{end}}', '<b><z>'],
  ['{{range $k, $v := .Service.Labels}}{{$k}}={{$v}};{{end}}', 'a=b;x.y=z;'],
  ['{{range $v := .Service.Labels}}{{$v}}{{end}}', 'bz'],
  ['{{$n := .Service.Name}}{{$n}}-{{$n | printf "%q"}}', 'web-"web"'],
  ['{{$x := "a"}}{{if true}}{{$x = "b"}}{{end}}{{$x}}', 'b'],
  ['{{$x := "a"}}{{if true}}{{$x := "b"}}{{$x}}{{end}}{{$x}}', 'ba'],
  ['a\n{{- if true }}\nb\n{{- end }}\nc', 'a\nb\nc'],
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

const badBlocks: Array<[string, string]> = [
  ['{{if true}}x', 'template: expansion:1: unexpected EOF'],
  ['x{{end}}', 'template: expansion:1: unexpected {{end}}'],
  ['{{else}}', 'template: expansion:1: unexpected {{else}}'],
  ['{{if true}}{{else}}{{else}}{{end}}', 'template: expansion:1: expected end; found {{else}}'],
  ['{{end x}}', 'template: expansion:1: unexpected "x" in end'],
  ['{{if}}{{end}}', 'template: expansion:1: missing value for if'],
  ['\n{{$x}}', 'template: expansion:2: undefined variable "$x"'],
  ['{{if true}}{{$x := 1}}{{end}}{{$x}}', 'template: expansion:1: undefined variable "$x"'],
  ['{{if $a, $b := .}}{{end}}', 'template: expansion:1: too many declarations in if'],
  ['{{range .Task.Name}}{{end}}', `${executing(13, '.Task.Name')}range can't iterate over web.1.tid`],
  [
    '{{with .Node}}{{.X}}{{end}}',
    `${executing(16, '.X')}can't evaluate field X in type struct { ID string; Hostname string; Platform template.Platform }`,
  ],
  [
    '{{if gt .Task.Slot 1}}{{end}}',
    `${executing(5, 'gt .Task.Slot 1')}error calling gt: incompatible types for comparison`,
  ],
  [
    '{{eq .Task.Slot 1}}',
    `${executing(2, 'eq .Task.Slot 1')}error calling eq: incompatible types for comparison`,
  ],
  ['{{if true}}'.repeat(1001), 'template: expansion:1: more than 1000 blocks in each other'],
];

for (const [text, expected] of [...good, ...blocks])
  test(`expands ${text}`, () => assert.equal(expand(text, context), expected));

for (const [text, message] of [...bad, ...badBlocks])
  test(`refuses ${text.slice(0, 60)}`, () => assert.throws(() => expand(text, context), { message }));

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

test('ranges within ranges end', () => {
  const deep = `${'{{range .Service.Labels}}{{with $}}'.repeat(20)}${'{{end}}{{end}}'.repeat(20)}`;
  assert.throws(() => expand(deep, context), /at <.Service.Labels>: too many rounds$/);
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
    'if ',
    'range ',
    '{{else}}',
    '{{end}}',
    '$x',
    ':=',
    '1',
    '-',
    'x',
    '\n',
    '`',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 16 }), (pieces) => {
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
