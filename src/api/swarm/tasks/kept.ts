/**
 * What was sent of the list of all tasks the last time, for the next time: most of a large cluster has not changed since,
 * and to see that takes one comparison for each task.
 */
import type { Task } from '../../../model/objects.ts';
import type { View } from '../../../store/contract.ts';
import { roomFor, taskParts, writeTask } from './json.ts';

/** Bytes of a piece, about. */
const PIECE = 64 * 1024;
/** Bytes of a piece's memory, unless a single task may take more. */
const ROOM = 72 * 1024;
const NONE: Buffer = Buffer.alloc(0);

/** Some tasks of the list after each other. */
interface Piece {
  tasks: readonly Task[];
  /** Each as JSON with a comma in front. */
  memory: Buffer;
  /** Where each ends in the memory. */
  ends: readonly number[];
}

export class KeptTasks {
  /** By the ID of the first task. */
  #pieces: ReadonlyMap<string, Piece> = new Map();
  /** For the next piece that is made. */
  #spare = NONE;

  /**
   * The tasks as JSON, a comma in front of each, some at a time. The bytes are good until the next ones are asked for.
   * They are kept once the list is at its end.
   */
  *of(tasks: readonly Task[], view: View): Generator<Buffer> {
    const pieces = new Map<string, Piece>();
    for (let at = 0; at < tasks.length; ) {
      const { ID } = tasks[at]!;
      const piece = this.#pieces.get(ID) ?? { tasks: [], memory: NONE, ends: [] };
      if (piece.tasks.length === 0 || !isAt(tasks, at, piece)) this.#make(piece, tasks, at, view);
      pieces.set(ID, piece);
      // Meanwhile somebody else who reads the list may have the piece made anew, with more tasks or fewer.
      const { length } = piece.tasks;
      yield piece.memory.subarray(0, piece.ends.at(-1));
      at += length;
    }
    this.#pieces = pieces;
  }

  /**
   * Has the piece begin with the task at `from`. It ends early where another one begins, which may still be right. What
   * it was made of becomes the spare memory: new memory would cost more than the texts.
   */
  #make(piece: Piece, tasks: readonly Task[], from: number, view: View): void {
    let memory = this.#spare;
    let end = 0;
    const ends: number[] = [];
    for (let at = from; at < tasks.length && end < PIECE; at++) {
      const task = tasks[at]!;
      if (end >= PIECE / 2 && this.#pieces.has(task.ID)) break;
      const text = bytesOf(task, piece, ends.length) ?? taskParts(task, view);
      const room = roomFor(text);
      if (end + room > memory.length) {
        if (at > from) break;
        memory = Buffer.allocUnsafeSlow(Math.max(room, ROOM));
      }
      end = writeTask(memory, end, text);
      ends.push(end);
    }
    this.#spare = piece.memory;
    Object.assign(piece, { tasks: tasks.slice(from, from + ends.length), memory, ends });
  }
}

function isAt(tasks: readonly Task[], at: number, piece: Piece): boolean {
  return piece.tasks.every((task, index) => task === tasks[at + index]);
}

/** What the piece has of the task, if it has it at this place. */
function bytesOf(task: Task, { tasks, memory, ends }: Piece, index: number): Buffer | undefined {
  return task === tasks[index] ? memory.subarray(ends[index - 1] ?? 0, ends[index]) : undefined;
}
