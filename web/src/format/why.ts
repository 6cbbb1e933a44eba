/** What a task is waiting for, in a sentence. */
import type { Why } from '../../../src/ui/protocol.ts';

export const STAGES: Record<Why['stage'], string> = {
  allocate: 'It waits for its addresses and ports.',
  schedule: 'It waits for a node that can take it.',
  host: 'It has a node, which has not taken it up yet.',
  prepare: 'Its node gets the image and makes the container.',
  start: 'Its container is being started; where there is a health check, it is not healthy yet.',
  running: 'It runs.',
  'back-off': 'It waits before it is started, as the restart policy says.',
  over: 'It is over.',
};
