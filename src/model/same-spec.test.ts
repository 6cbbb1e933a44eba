import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sampleNode, sampleService, sampleTask } from '../store/samples.ts';
import { isTaskDirty } from './dirty.ts';
import { sameSpec } from './same-spec.ts';
import type { ContainerSpec, ServiceSpec, TaskSpec } from './spec.ts';

test('sameSpec does not take one thing for another', () => {
  assert.equal(sameSpec({ a: [1, 2] }, { a: [2, 1] }), false);
  assert.equal(sameSpec({ a: 'x' }, { b: 'x' }), false);
  assert.equal(sameSpec({ a: '1' }, { a: 1 }), false);
  assert.equal(sameSpec({ a: ['b,c'] }, { a: ['b', 'c'] }), false);
  assert.equal(sameSpec({ a: [''] }, { a: ['', ''] }), false);
  assert.equal(sameSpec({ Delay: 0 }, {}), false);
  assert.equal(sameSpec({ SwapBytes: 0, MemorySwappiness: 0 }, { SwapBytes: 0 }), false);
  assert.equal(sameSpec({ Delay: null }, {}), true);
  assert.equal(sameSpec({ a: { b: { c: '' } } }, undefined), true);
  assert.equal(sameSpec({ Labels: { a: '' } }, {}), false);
});

const ENV: Array<[string[], string[], boolean]> = [
  [['A=1', 'B=2'], ['B=2', 'A=1'], true],
  [['A=0', 'B=2', 'A=1'], ['A=1', 'B=2'], true],
  [['A=1', 'A=0'], ['A=0', 'A=1'], false],
  [['A='], [], false],
  [['A'], ['A='], false],
  [['A=B=1'], ['A=B=2'], false],
];
for (const [before, after, same] of ENV) {
  test(`the environment ${before.join(' ')} is ${same ? 'the same as' : 'another than'} ${after.join(' ')}`, () => {
    assert.equal(sameSpec({ Env: before }, { Env: after }), same);
  });
}

const name = fc.stringMatching(/^[a-z]{1,4}$/);
const port = fc.record({
  TargetPort: fc.integer({ min: 1, max: 9 }),
  PublishedPort: fc.integer({ min: 0, max: 9 }),
  Protocol: fc.constantFrom('tcp', 'udp'),
  PublishMode: fc.constantFrom('ingress', 'host'),
});
const file = fc.record({ Name: name, Mode: fc.constantFrom(0o444, 0o755) });

interface Lists {
  container: ContainerSpec;
  task: TaskSpec;
  ports: Array<{ TargetPort: number }>;
}

const many = <T>(value: fc.Arbitrary<T>) => fc.array(value, { maxLength: 4 });
/** What a spec lists in no order. */
const unordered: fc.Arbitrary<Lists> = fc.record({
  container: fc.record({
    Env: fc
      .uniqueArray(fc.tuple(name, name), { maxLength: 4, selector: ([key]) => key })
      .map((pairs) => pairs.map((pair) => pair.join('='))),
    Mounts: many(
      fc.record({
        Type: fc.constantFrom('bind', 'volume'),
        Source: name,
        Target: name,
        ReadOnly: fc.boolean(),
      }),
    ),
    Hosts: many(name),
    Groups: many(name),
    CapabilityAdd: many(name),
    CapabilityDrop: many(name),
    Ulimits: many(fc.record({ Name: name, Soft: fc.nat(9), Hard: fc.nat(9) })),
    Secrets: many(fc.record({ SecretID: name, SecretName: name, File: file })),
    Configs: many(fc.record({ ConfigID: name, ConfigName: name, File: file })),
    Sysctls: fc.dictionary(name, name, { maxKeys: 4 }),
    Labels: fc.dictionary(name, name, { maxKeys: 4 }),
  }),
  task: fc.record({
    Networks: many(fc.record({ Target: name, Aliases: many(name) })),
    Placement: fc.record({
      Constraints: many(name.map((value) => `node.id!=${value}`)),
      Platforms: many(fc.record({ Architecture: name, OS: name })),
    }),
    Resources: fc.record({
      Reservations: fc.record({
        GenericResources: many(
          fc.oneof(
            fc.record({ NamedResourceSpec: fc.record({ Kind: name, Value: name }) }),
            fc.record({ DiscreteResourceSpec: fc.record({ Kind: name, Value: fc.nat(9) }) }),
          ),
        ),
      }),
    }),
  }),
  ports: many(port),
});

function serviceSpec({ container, task, ports }: Lists): ServiceSpec {
  return {
    TaskTemplate: { ContainerSpec: { Image: 'busybox', ...container }, ...task },
    EndpointSpec: { Ports: ports },
  };
}

/** Whether a task that was made from the one spec has to be replaced for the other. */
function restarts(before: ServiceSpec, after: ServiceSpec): boolean {
  const base = sampleService('s');
  const old = { ...base, Spec: { ...base.Spec, ...before } };
  const task = sampleTask('t', old, { NodeID: 'n1' });
  if (before.EndpointSpec) task.internal.endpoint = before.EndpointSpec;
  const service = { ...old, Spec: { ...old.Spec, ...after }, internal: { specVersion: 2 } };
  return isTaskDirty(service, task, sampleNode('n1'));
}

/** The value with every list and every object's keys in another order, which `pick` (below its argument) decides. */
function shuffled<T>(value: T, pick: (below: number) => number): T {
  if (typeof value !== 'object' || value === null) return value;
  const mix = <E>(items: E[]): E[] => {
    const left = [...items];
    return items.map(() => left.splice(pick(left.length), 1)[0]!);
  };
  if (Array.isArray(value)) return mix(value.map((each) => shuffled(each, pick))) as T;
  const entries = Object.entries(value).map(([key, inner]) => [key, shuffled(inner, pick)] as const);
  return Object.fromEntries(mix(entries)) as T;
}

test('no order of what has none restarts anything', () => {
  fc.assert(
    fc.property(unordered, fc.infiniteStream(fc.nat()), (lists, stream) => {
      const pick = (below: number): number => stream.next().value! % below;
      assert.equal(restarts(serviceSpec(lists), serviceSpec(shuffled(lists, pick))), false);
    }),
  );
});

/** Where the texts and numbers in the value are. */
function leaves(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, [...path, key]));
}

/** The value with another leaf at the path. */
function replaced(value: unknown, [key, ...rest]: string[]): unknown {
  if (key === undefined)
    return typeof value === 'number' ? value + 1 : typeof value === 'boolean' ? !value : `${value}X`;
  const copy = structuredClone(value) as Record<string, unknown>;
  copy[key] = replaced(copy[key], rest);
  return copy;
}

test('every real change restarts, in whatever order the rest is', () => {
  fc.assert(
    fc.property(unordered, fc.infiniteStream(fc.nat()), (lists, stream) => {
      const pick = (below: number): number => stream.next().value! % below;
      // The sample node is no other than n1: constraints that it goes on meeting restart nothing.
      const paths = leaves(lists).filter((path) => !path.includes('Placement'));
      fc.pre(paths.length > 0);
      const changed = replaced(lists, paths[pick(paths.length)]!) as Lists;
      assert.equal(restarts(serviceSpec(lists), serviceSpec(shuffled(changed, pick))), true);
    }),
  );
});

const ORDERED: Array<(list: string[]) => ServiceSpec> = [
  (Command) => ({ TaskTemplate: { ContainerSpec: { Command } } }),
  (Args) => ({ TaskTemplate: { ContainerSpec: { Args } } }),
  (Test) => ({ TaskTemplate: { ContainerSpec: { Healthcheck: { Test } } } }),
  (Nameservers) => ({ TaskTemplate: { ContainerSpec: { DNSConfig: { Nameservers } } } }),
  (Search) => ({ TaskTemplate: { ContainerSpec: { DNSConfig: { Search } } } }),
];
test('an order that means something counts', () => {
  for (const spec of ORDERED) assert.equal(restarts(spec(['a', 'b']), spec(['b', 'a'])), true);
  const preferences = (...labels: string[]) => ({
    Preferences: labels.map((label) => ({ Spread: { SpreadDescriptor: label } })),
  });
  assert.equal(sameSpec({ Placement: preferences('a', 'b') }, { Placement: preferences('b', 'a') }), false);
});
