import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Task } from '../../../model/objects.ts';
import { openMemoryStore } from '../../../store/memory.ts';
import { sampleService, sampleTask } from '../../../store/samples.ts';
import { arrayOf } from '../array.ts';
import { taskText } from './json.ts';
import { eachTask } from './list.ts';

const { view } = openMemoryStore();
const web = sampleService('web');

async function partsOf(tasks: Task[]): Promise<Buffer[]> {
  const parts: Buffer[] = [];
  for await (const part of arrayOf(eachTask(tasks, view))) parts.push(Buffer.from(part));
  return parts;
}

async function assertWhole(tasks: Task[]): Promise<Buffer[]> {
  const parts = await partsOf(tasks);
  const expected = `[${tasks.map((task) => taskText(task, view)).join()}]\n`;
  assert.ok(Buffer.concat(parts).equals(Buffer.from(expected)));
  return parts;
}

test('no task is an empty array, and a short list one small part', async () => {
  assert.deepEqual(await partsOf([]), [Buffer.from('[]\n')]);
  assert.equal((await assertWhole([sampleTask('a', web)])).length, 1);
  for await (const { buffer } of arrayOf(eachTask([sampleTask('a', web)], view))) {
    assert.ok(buffer.byteLength < 16 * 1024, 'no more is taken than it may need');
  }
});

test('text of every kind is as JSON has it', async () => {
  const text = 'é 🐝 \u0000 \u2028 "\\ 漢字'.repeat(300);
  const task = (id: string): Task => {
    const base = sampleTask(id, web, { Labels: { [text]: text } });
    return { ...base, Spec: { ContainerSpec: { Env: [text] } }, Status: { ...base.Status, Message: text } };
  };
  const tasks = Array.from({ length: 100 }, (_, index) => task(`t${index}`));
  await assertWhole(tasks);
  const parsed = JSON.parse(Buffer.concat(await partsOf(tasks)).toString()) as Task[];
  assert.equal(parsed.length, 100);
  assert.equal(parsed[99]?.Status.Message, text);
});

test('a long list comes in parts of half a megabyte, a larger task in one of its own', async () => {
  const tasks = Array.from({ length: 3000 }, (_, index) => sampleTask(`t${index}`, web));
  const large = sampleTask('large', web, { Spec: { ContainerSpec: { Env: ['x'.repeat(2_000_000)] } } });
  const parts = await assertWhole([...tasks, large, ...tasks]);
  const sizes = parts.map(({ length }) => length).toSorted((a, b) => b - a);
  assert.ok(sizes[0]! > 2_000_000);
  assert.ok(sizes[1]! <= 512 * 1024);
  assert.ok(sizes.length > 4);
});
