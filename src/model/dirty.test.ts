import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleNode, sampleService, sampleTask } from '../store/samples.ts';
import { isTaskDirty } from './dirty.ts';
import type { Service, Task } from './objects.ts';
import type { ServiceSpec } from './spec.ts';

const node = sampleNode('n1');

/** A service whose spec was changed after the task was made from it. */
function pair(before: ServiceSpec, after: ServiceSpec): [Service, Task] {
  const base = sampleService('s');
  const old = { ...base, Spec: { ...base.Spec, ...before } };
  const task = sampleTask('t', old, { NodeID: 'n1' });
  if (before.EndpointSpec) task.internal.endpoint = before.EndpointSpec;
  return [{ ...old, Spec: { ...old.Spec, ...after }, internal: { specVersion: 2 } }, task];
}

const image = { ContainerSpec: { Image: 'busybox' } };
const cases: Array<[what: string, before: ServiceSpec, after: ServiceSpec, dirty: boolean]> = [
  ['nothing', {}, {}, false],
  ['the number of replicas', {}, { Mode: { Replicated: { Replicas: 9 } } }, false],
  ['the labels of the service', {}, { Labels: { a: 'b' } }, false],
  ['the image', {}, { TaskTemplate: { ContainerSpec: { Image: 'other' } } }, true],
  ['ForceUpdate', { TaskTemplate: image }, { TaskTemplate: { ...image, ForceUpdate: 1 } }, true],
  [
    'how a client says nothing',
    { TaskTemplate: image },
    {
      TaskTemplate: {
        ContainerSpec: { Image: 'busybox', Env: null, Args: [], Isolation: '' },
        Resources: { Limits: {}, Reservations: {} },
        Placement: {},
        ForceUpdate: 0,
        Runtime: 'container',
      },
    },
    false,
  ],
  [
    'an empty label',
    { TaskTemplate: image },
    { TaskTemplate: { ContainerSpec: { Image: 'busybox', Labels: { a: '' } } } },
    true,
  ],
  [
    'Init to false',
    { TaskTemplate: image },
    { TaskTemplate: { ContainerSpec: { Image: 'busybox', Init: false } } },
    true,
  ],
  [
    'no grace',
    { TaskTemplate: image },
    { TaskTemplate: { ContainerSpec: { Image: 'busybox', StopGracePeriod: 0 } } },
    true,
  ],
  [
    'an argument that is empty',
    { TaskTemplate: image },
    { TaskTemplate: { ContainerSpec: { Image: 'busybox', Args: [''] } } },
    true,
  ],
  [
    'a constraint that the node meets',
    { TaskTemplate: image },
    { TaskTemplate: { ...image, Placement: { Constraints: ['node.id==n1'] } } },
    false,
  ],
  [
    'a constraint that it does not',
    { TaskTemplate: image },
    { TaskTemplate: { ...image, Placement: { Constraints: ['node.id==n2'] } } },
    true,
  ],
  [
    'a constraint and the image',
    { TaskTemplate: image },
    { TaskTemplate: { ContainerSpec: { Image: 'o' }, Placement: { Constraints: ['node.id==n1'] } } },
    true,
  ],
  ['a port', {}, { EndpointSpec: { Ports: [{ TargetPort: 80, PublishedPort: 80 }] } }, true],
  [
    'the defaults of a port',
    { EndpointSpec: { Ports: [{ TargetPort: 80, PublishedPort: 80 }] } },
    {
      EndpointSpec: {
        Mode: 'vip',
        Ports: [{ Protocol: 'tcp', TargetPort: 80, PublishedPort: 80, PublishMode: 'ingress' }],
      },
    },
    false,
  ],
];
for (const [what, before, after, dirty] of cases) {
  test(`a change of ${what} makes a task ${dirty ? 'dirty' : 'no different'}`, () => {
    const [service, task] = pair(before, after);
    assert.equal(isTaskDirty(service, task, node), dirty);
  });
}

test('a task of the same spec version is clean, whatever it says', () => {
  const [service, task] = pair({}, { TaskTemplate: { ContainerSpec: { Image: 'other' } } });
  assert.equal(isTaskDirty({ ...service, internal: { specVersion: 1 } }, task, node), false);
});

test('a task without a node does not keep its place when the placement changes', () => {
  const [service, task] = pair(
    {},
    {
      TaskTemplate: { ...sampleService('s').Spec.TaskTemplate, Placement: { Constraints: ['node.id==n1'] } },
    },
  );
  assert.equal(isTaskDirty(service, task, undefined), true);
});
