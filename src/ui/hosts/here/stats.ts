/** What this host's containers have used, as it tells its managers. */
import type { RouteModule } from '../../../api/router.ts';
import { ApiError } from '../../../model/errors.ts';

/** Whose use is asked for; nothing: the host's. */
export interface Of {
  container?: string;
  task?: string;
  service?: string;
}

export interface StatsSource {
  since(of: Of, from: number, by: 'close' | 'minute'): ReadonlyArray<readonly number[]>;
}

/** `source`: undefined while this host is in no swarm. */
export function statsHereRoutes(source: () => StatsSource | undefined): RouteModule {
  return (router) => {
    router.get('/essaim/host/stats', ({ query }) => {
      const from = Number(query.get('from') ?? 0) || 0;
      const by = query.get('by') === 'minute' ? 'minute' : 'close';
      const of: Of = {};
      for (const name of ['container', 'task', 'service'] as const) {
        const value = query.get(name);
        if (value === '') throw new ApiError(400, `${name} is empty`);
        if (value !== null) of[name] = value;
      }
      return { status: 200, body: source()?.since(of, from, by) ?? [] };
    });
  };
}
