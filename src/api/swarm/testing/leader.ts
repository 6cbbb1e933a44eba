import type { Leader } from '../../contract.ts';

/** Of a manager that has nobody to ask. */
export const SOLE_LEADER: Leader = {
  isHere: () => true,
  requireCurrent: () => undefined,
  connect: () => Promise.reject(new Error('this manager leads')),
  changed: () => Promise.resolve(),
};
