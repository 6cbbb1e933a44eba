/** No template makes us throw anything but a TemplateError, or keeps the only thread there is for itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { expand, expandPayload, type TemplateContext, TemplateError } from './template.ts';

const context: TemplateContext = {
  Service: { ID: 'sid', Name: 'web', Labels: { a: 'b', 'x.y': 'z' } },
  Node: { ID: 'nid', Hostname: 'host1', Platform: { Architecture: 'x86_64', OS: 'linux' } },
  Task: { ID: 'tid', Name: 'web.1.tid', Slot: '1' },
};
const DEEP = 20_000;
const tooDeep = /: more than \d+ blocks and templates in each other$/;
const tooMuch = /: the template takes too much work$/;

const deep: Array<[string, string]> = [
  ['blocks', '{{if true}}'.repeat(DEEP)],
  ['closed blocks', `${'{{with 1}}'.repeat(DEEP)}x${'{{end}}'.repeat(DEEP)}`],
  ['else if', `{{if 0}}${'{{else if 0}}'.repeat(DEEP)}{{end}}`],
  ['else with', `{{with 0}}${'{{else with 0}}'.repeat(DEEP)}{{end}}`],
  ['parentheses', `{{${'('.repeat(DEEP)}1${')'.repeat(DEEP)}}}`],
  ['arguments', `{{${'print ('.repeat(DEEP)}1${')'.repeat(DEEP)}}}`],
  ['templates', '{{define "x"}}{{template "x" .}}{{end}}{{template "x" .}}'],
  [
    'templates in blocks',
    '{{define "x"}}{{if true}}{{range 1}}{{template "x" (print 1)}}{{end}}{{end}}{{end}}{{template "x"}}',
  ],
  ['the template itself', '{{template "expansion"}}'],
  ['ranges', `${'{{range 1}}'.repeat(DEEP)}${'{{end}}'.repeat(DEEP)}`],
  ['definitions', `${'{{block "a" 1}}'.repeat(DEEP)}${'{{end}}'.repeat(DEEP)}`],
];
for (const [name, text] of deep)
  test(`${name} without end`, () => {
    assert.throws(
      () => expand(text, context),
      (error) => {
        return error instanceof TemplateError && tooDeep.test(error.message);
      },
    );
  });

test('as deep as people go is not too deep', () => {
  const depth = 60;
  const text = `${'{{if true}}{{with 1}}'.repeat(depth)}x${'{{end}}{{end}}'.repeat(depth)}`;
  assert.equal(expand(text, context), 'x');
  assert.equal(expand(`{{if 0}}${'{{else if 0}}'.repeat(depth)}{{else}}y{{end}}`, context), 'y');
});

test('a content that expands itself comes to an end', () => {
  const content = Buffer.from('{{.Expand (config "self")}}');
  const functions = { config: () => content };
  assert.throws(
    () => expandPayload(content, context, functions),
    (error) => {
      return error instanceof TemplateError && tooDeep.test(error.message);
    },
  );
});

const long: Array<[string, string]> = [
  ['one round after the other', '{{range 1000000000}}{{end}}'],
  ['rounds in rounds', `${'{{range 100}}'.repeat(8)}${'{{end}}'.repeat(8)}`],
  ['rounds over labels', `${'{{range $.Service.Labels}}'.repeat(30)}${'{{end}}'.repeat(30)}`],
  [
    'templates that call two each',
    '{{define "x"}}{{if lt (len .) 100}}{{template "x" (print . "a")}}{{template "x" (print . "a")}}{{end}}{{end}}{{template "x" ""}}',
  ],
  ['variables looked for among many', `${'{{$a := 1}}'.repeat(10_000)}${'{{$}}'.repeat(10_000)}`],
  ['a long argument', `{{range 100000}}{{print (print ${'1 '.repeat(100_000)})}}{{end}}`],
  ['a text that doubles', '{{$x := "ab"}}{{range 100}}{{$x = print $x $x}}{{end}}'],
  ['an output that grows', '{{range 1000}}{{printf "%1000000d" 1}}{{end}}'],
  ['wide verbs', `{{printf "${'%1000000[1]d'.repeat(1000)}" 1}}`],
  ['precise verbs', `{{printf "${'%.1000000[1]f'.repeat(1000)}" 1.5}}`],
  ['long texts compared', '{{$x := printf "%100000d" 1}}{{range 1000000}}{{eq $x $x}}{{end}}'],
  ['long texts joined', `{{$x := printf "%1000000d" 1}}{{join $x ${'"" '.repeat(1000)}}}`],
  ['long texts quoted', '{{$x := printf "%1000000d" 1}}{{range 1000}}{{printf "%q%x" $x $x}}{{end}}'],
  ['long texts escaped', '{{$x := printf "%1000000s" "<"}}{{range 1000}}{{html $x | js | urlquery}}{{end}}'],
];
for (const [name, text] of long)
  test(`too much: ${name}`, { timeout: 5000 }, () => {
    assert.throws(
      () => expand(text, context),
      (error) => {
        return error instanceof TemplateError && tooMuch.test(error.message);
      },
    );
  });

test('a content of the largest size is expanded', () => {
  const line = '{{.Task.Slot}} {{printf "%05d" 42}} some text that stays as it is\n';
  const content = Buffer.from(line.repeat(Math.floor(1_000_000 / line.length)));
  const expanded = expandPayload(content, context, {});
  assert.ok(expanded.toString().endsWith('1 00042 some text that stays as it is\n'));
});

const piece = fc.constantFrom(
  ...'{{ }} {{- " -}}" ( ) | . $ $x := = , \' " ` \\ %5.2v %[2]*d 1 0x1F 1.5e3 1i nil true "a" é \n [ ] /* */'.split(
    ' ',
  ),
  ...'{{if {{with {{range {{else}} {{end}} {{define {{template {{block {{break}} {{else-if'
    .replace('-', ' ')
    .split(' '),
  ...'index slice len print printf html js eq lt and not call join .Expand .Task .Task.Slot .Service.Labels .Nope'.split(
    ' ',
  ),
  ' ',
  ' ',
);

/** What it expands to, or the TemplateError; anything else fails the test. */
function outcome(text: string): string | TemplateError {
  try {
    return expand(text, context);
  } catch (error) {
    assert.ok(error instanceof TemplateError, `${JSON.stringify(text)}: ${(error as Error).stack}`);
    return error;
  }
}

test('any text either expands or is a TemplateError, and text without braces stays as it is', () => {
  const text = fc.oneof(
    fc.array(piece, { maxLength: 24 }).map((pieces) => pieces.join('')),
    fc.array(piece, { maxLength: 12 }).map((pieces) => `{{${pieces.join(' ')}}}`),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(text, (text) => {
      const result = outcome(text);
      if (!text.includes('{{')) assert.equal(result, text);
    }),
    { numRuns: 1000 },
  );
});

test('a text in quotes or backquotes comes out as it is, whatever is in it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const raw = text.replace(/[`\r]/g, '');
      assert.equal(outcome(`{{\`${raw}\`}}`), raw);
      const quoted = outcome(`{{printf "%q" \`${raw}\`}}`);
      assert.equal(outcome(`{{${quoted as string}}}`), raw);
    }),
  );
});

test('bytes that are in no action pass through a content unharmed', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const around = Buffer.from(bytes.filter((byte) => byte !== 0x7b));
      const content = Buffer.concat([around, Buffer.from('{{"x"}}'), around]);
      const wanted = Buffer.concat([around, Buffer.from('x'), around]);
      assert.deepEqual(expandPayload(content, context, {}), wanted);
    }),
  );
});
