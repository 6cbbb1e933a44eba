import type { Group } from '../step.ts';
import { attach } from './attach.ts';
import { cluster } from './cluster.ts';
import { contents } from './contents.ts';
import { lock } from './lock.ts';
import { network } from './network.ts';
import { nodes } from './nodes.ts';
import { services } from './services.ts';
import { stacks } from './stacks.ts';
import { system } from './system.ts';
import { updates } from './updates.ts';

/** In the order in which they are run. */
export const GROUPS: readonly Group[] = [
  cluster,
  lock,
  nodes,
  network,
  attach,
  services,
  updates,
  contents,
  stacks,
  system,
];
