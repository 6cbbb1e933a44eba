/** HTTP by TLS, which is loaded with the first request: most commands make none, and would take a fifth longer to start. */
import type { request as Request } from 'node:https';

export const request = ((...args: Parameters<typeof Request>) =>
  process.getBuiltinModule('node:https').request(...args)) as typeof Request;
