/** Containers against the store: what runs and should not, what is said to run and does not. */
import type { Host } from './host.ts';
import { describeTask, isLive, STRAY_BOUND, Violation } from './invariants.ts';
import type { World } from './world.ts';

/** `since`: what was found amiss at the last look, and since when (ms). Throws once something is amiss for too long. */
export function checkStrays(world: World, since: Map<string, number>): void {
  const now = world.clock.now();
  const found = new Map<string, string>();
  for (const host of world.hosts) {
    // Who cannot be reached cannot be told: the time counts from when it can.
    if (world.wellness.fineFor(host, 0)) for (const [key, what] of amiss(world, host)) found.set(key, what);
  }
  for (const key of since.keys()) if (!found.has(key)) since.delete(key);
  for (const [key, what] of found) {
    const first = since.get(key) ?? now;
    since.set(key, first);
    if (now - first > STRAY_BOUND) throw new Violation(`for ${STRAY_BOUND / 1000} s ${what}`);
  }
}

function* amiss(world: World, host: Host): Iterable<readonly [string, string]> {
  const running = new Set(host.engine.running());
  for (const id of running) {
    const task = world.view.get('task', id);
    const wanted = task && task.NodeID === host.nodeId && isLive(task);
    if (!wanted)
      yield [`${host.nodeId} runs ${id}`, `${host.nodeId} runs a container of ${id}: ${describeTask(task)}`];
  }
  for (const task of world.view.tasksOfNode(host.nodeId)) {
    if (task.Status.State === 'running' && !running.has(task.ID))
      yield [`${host.nodeId} lacks ${task.ID}`, `${host.nodeId} has no container of ${describeTask(task)}`];
  }
}
