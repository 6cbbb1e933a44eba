/** Where the simulated managers have their state. */
import type { DataKey } from '../../../src/store/encoding/data-key.ts';

export const PREFIX = '/essaim/';
export const LEADER = '/essaim-leader';
export const ENCRYPTION: DataKey = { key: Buffer.alloc(32, 7), fingerprint: 'simulated' };
