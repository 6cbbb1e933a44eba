/** Tasks of a list, one after the other: most of each is the spec, whose bytes tasks share. */
import type { Task } from '../../../model/objects.ts';
import type { View } from '../../../store/contract.ts';
import { roomFor, taskParts, writeTask } from './json.ts';

/** The tasks as JSON, a comma in front of each, one by one. The bytes are good until the next ones are asked for. */
export function* eachTask(tasks: Iterable<Task>, view: View): Generator<Buffer> {
  let memory = Buffer.alloc(0);
  for (const task of tasks) {
    const text = taskParts(task, view);
    const room = roomFor(text);
    if (room > memory.length) memory = Buffer.allocUnsafeSlow(room);
    yield memory.subarray(0, writeTask(memory, 0, text));
  }
}
