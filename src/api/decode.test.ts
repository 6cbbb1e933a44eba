import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ApiError } from '../model/errors.ts';
import { ClusterSpec, ServiceSpec } from '../model/spec.ts';
import { decodeJson } from './decode.ts';
import { parseJson } from './json.ts';

const decode = (text: string) => decodeJson(text, ServiceSpec, 'ServiceSpec');
const message = (text: string): string => {
  try {
    decode(text);
  } catch (error) {
    assert.ok(error instanceof ApiError);
    assert.equal(error.status, 400);
    return error.message;
  }
  assert.fail(`${text} was taken`);
};

// Texts as dockerd gives them for the same bodies.
const refused: Array<[string, string]> = [
  ['x', "invalid character 'x' looking for beginning of value"],
  ['', 'got EOF while reading request body'],
  ['{', 'unexpected EOF'],
  ['{"a":1', 'unexpected EOF'],
  ['{"a":1}x', 'unexpected content after JSON'],
  ["{'a':1}", "invalid character '\\'' looking for beginning of object key string"],
  ['{"Name":"x",}', "invalid character '}' looking for beginning of object key string"],
  ['{"a" 1}', "invalid character '1' after object key"],
  ['[1 2]', "invalid character '2' after array element"],
  ['{"a":01}', "invalid character '1' after object key:value pair"],
  ['{"a":-}', "invalid character '}' in numeric literal"],
  ['{"a":tru}', "invalid character '}' in literal true (expecting 'e')"],
  ['{"a":"\\x"}', "invalid character 'x' in string escape code"],
  ['{"a":"\u0001"}', "invalid character '\\x01' in string literal"],
  ['[]', 'json: cannot unmarshal array into Go value of type swarm.ServiceSpec'],
  ['{"Name":1}', 'json: cannot unmarshal number into Go struct field ServiceSpec.Name of type string'],
  [
    '{"Mode":{"Replicated":{"Replicas":"3"}}}',
    'json: cannot unmarshal string into Go struct field ReplicatedService.Mode.Replicated.Replicas of type uint64',
  ],
  [
    '{"Mode":{"Replicated":{"Replicas":-1}}}',
    'json: cannot unmarshal number -1 into Go struct field ReplicatedService.Mode.Replicated.Replicas of type uint64',
  ],
  [
    '{"TaskTemplate":{"Placement":{"MaxReplicas":-1}}}',
    'json: cannot unmarshal number -1 into Go struct field Placement.TaskTemplate.Placement.MaxReplicas of type uint64',
  ],
  [
    '{"TaskTemplate":{"Resources":{"Limits":{"NanoCPUs":1e3}}}}',
    'json: cannot unmarshal number 1e3 into Go struct field Limit.TaskTemplate.Resources.Limits.NanoCPUs of type int64',
  ],
  [
    '{"TaskTemplate":{"Resources":{"Limits":{"MemoryBytes":9007199254740993}}}}',
    'json: cannot unmarshal number 9007199254740993 into Go struct field Limit.TaskTemplate.Resources.Limits.MemoryBytes of type int64',
  ],
  [
    '{"Labels":{"a":1}}',
    'json: cannot unmarshal number into Go struct field ServiceSpec.Labels of type string',
  ],
  [
    '{"EndpointSpec":{"Ports":{}}}',
    'json: cannot unmarshal object into Go struct field EndpointSpec.EndpointSpec.Ports of type []swarm.PortConfig',
  ],
];
for (const [text, expected] of refused) {
  test(`refuses ${JSON.stringify(text)}`, () => assert.equal(message(text), `invalid JSON: ${expected}`));
}

test('what Docker has as unsigned in a cluster is not negative', () => {
  for (const [part, field] of [
    ['Raft', 'SnapshotInterval'],
    ['Raft', 'KeepOldSnapshots'],
    ['Raft', 'LogEntriesForSlowFollowers'],
    ['CAConfig', 'ForceRotate'],
  ])
    assert.throws(() => decodeJson(`{"${part}":{"${field}":-1}}`, ClusterSpec, 'Spec'), {
      message: new RegExp(`cannot unmarshal number -1 into .*${field} of type uint64`),
    });
});

test('drops unknown fields, matches names as Go does, the last of several wins', () => {
  assert.deepEqual(decode('{"nope":{"x":[1]},"name":"a","NAME":"b","Labels":null}'), {
    Name: 'b',
    Labels: null,
  });
  assert.deepEqual(decode('{"Name":"a","Name":"b"}'), { Name: 'b' });
});

test('null stays null where it may be, else it is the zero value; a null body is an empty one', () => {
  assert.deepEqual(decode('{"TaskTemplate":{"ContainerSpec":{"Args":[null,"x"],"Env":null}}}'), {
    TaskTemplate: { ContainerSpec: { Args: ['', 'x'], Env: null } },
  });
  assert.deepEqual(decode('null'), {});
});

test('no key of a sender reaches a prototype', () => {
  const spec = decode(
    '{"__proto__":{"Name":"x"},"constructor":1,"Labels":{"__proto__":"a","constructor":"b"}}',
  );
  assert.equal(Object.getPrototypeOf(spec), Object.prototype);
  assert.equal(spec.Name, undefined);
  assert.deepEqual(Object.entries(spec.Labels!), [
    ['__proto__', 'a'],
    ['constructor', 'b'],
  ]);
});

test('deep nesting is refused, whatever its size', () => {
  assert.equal(message('['.repeat(1_000_000)), 'invalid JSON: exceeded max depth');
  assert.equal(message(`${'{"a":'.repeat(100_000)}1`), 'invalid JSON: exceeded max depth');
});

test('reads every JSON text to the value that JSON.parse gives', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      assert.deepEqual(plain(parseJson(text)), JSON.parse(text));
    }),
  );
});

test('what is not JSON is refused like by JSON.parse, and never crashes', () => {
  fc.assert(
    fc.property(fc.json(), fc.nat(), fc.string({ maxLength: 2 }), (text, at, noise) => {
      const broken = text.slice(0, at % (text.length + 1)) + noise + text.slice((at % (text.length + 1)) + 1);
      const outcome = (parse: (text: string) => unknown): boolean => {
        try {
          parse(broken);
          return true;
        } catch {
          return false;
        }
      };
      assert.equal(outcome(parseJson), outcome(JSON.parse), broken);
    }),
    { numRuns: 1000 },
  );
});

function plain(value: ReturnType<typeof parseJson>): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (value.type === 'number') return Number(value.source);
  if (value.type === 'array') return value.items.map(plain);
  return JSON.parse(
    `{${value.entries.map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(plain(v))}`).join()}}`,
  );
}
