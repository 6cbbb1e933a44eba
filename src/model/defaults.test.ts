import assert from 'node:assert/strict';
import { test } from 'node:test';
import { taskTemplate } from './defaults.ts';

test('networks beside the template count where the template has none', () => {
  const [inside, beside] = [[{ Target: 'a' }], [{ Target: 'b' }]];
  const TaskTemplate = { ContainerSpec: { Image: 'busybox' } };
  assert.deepEqual(taskTemplate({ TaskTemplate, Networks: beside }), { ...TaskTemplate, Networks: beside });
  const both = { TaskTemplate: { ...TaskTemplate, Networks: inside }, Networks: beside };
  assert.deepEqual(taskTemplate(both), both.TaskTemplate);
  assert.deepEqual(taskTemplate({ TaskTemplate: { ...TaskTemplate, Networks: [] }, Networks: beside }), {
    ...TaskTemplate,
    Networks: beside,
  });
  assert.deepEqual([taskTemplate({ TaskTemplate }), taskTemplate({})], [TaskTemplate, {}]);
});
