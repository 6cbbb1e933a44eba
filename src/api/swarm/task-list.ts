/**
 * The list of tasks as bytes. It may be long: it is made and sent in parts, and others get their turn between them.
 * 50,000 tasks are 58 MB, most of that specs which tasks share: bytes are copied to where they belong, since a string
 * would be gone through once to be put together and once more to be encoded.
 */
import { setImmediate } from 'node:timers/promises';
import type { Task } from '../../model/objects.ts';
import type { View } from '../../store/contract.ts';
import { type TaskParts, taskParts } from './task-json.ts';

/** Bytes of a part, unless a single task takes more. */
const PART = 512 * 1024;
/** Parts after which others get their turn, should the client take at once whatever it is sent. */
const STRETCH = 4;
/** The most bytes that one character of a string takes in UTF-8. */
const WIDEST = 3;
const FIRST = '[';
const NEXT = ',';
const LAST = ']\n';

/**
 * A JSON array, in parts each of which is good until the next one is asked for: with new memory for each, a list would
 * cost more in garbage collection than in all else. Objects of a view do not change: the answer is the cluster as it was
 * at the time of the request.
 */
export async function* taskList(tasks: readonly Task[], view: View): AsyncGenerator<Buffer> {
  let part = Buffer.alloc(0);
  let end = 0;
  let made = 0;
  for (const [index, task] of tasks.entries()) {
    const parts = taskParts(task, view);
    const room = roomFor(parts);
    if (end + room > Math.min(part.length, PART)) {
      if (end > 0) {
        yield part.subarray(0, end);
        if (++made % STRETCH === 0) await setImmediate();
      }
      end = 0;
      // Not out of Node's pool, where everything small is: it would be kept for as long as the slowest client reads.
      const size = Math.max(room, Math.min(PART, room * (tasks.length - index)));
      if (size > part.length) part = Buffer.allocUnsafeSlow(size);
    }
    end += part.write(index === 0 ? FIRST : NEXT, end);
    end += part.write(parts.head, end);
    part.set(parts.spec, end);
    end += parts.spec.length;
    end += part.write(parts.tail, end);
  }
  if (tasks.length === 0) yield Buffer.from(FIRST + LAST);
  else yield part.subarray(0, end + part.write(LAST, end));
}

function roomFor({ head, spec, tail }: TaskParts): number {
  return NEXT.length + WIDEST * (head.length + tail.length) + spec.length + LAST.length;
}
