/** What the web interface asks of the daemon besides Docker's API, and where it is. */
import type { RouteModule } from '../api/router.ts';
import { managerOf } from '../api/swarm/access.ts';
import { findTask } from '../api/swarm/lookup.ts';
import { why } from './why.ts';

/** What is read off the view for the screens. */
export const lookRoutes: RouteModule = (router, { membership }) => {
  router.get('/essaim/tasks/{id}/why', ({ params }) => {
    const { store, now } = managerOf(membership);
    return { status: 200, body: why(findTask(store.view, params.id!), store.view, now()) };
  });
};

export interface UiState {
  port: number;
  serving: boolean;
  /** Why it is not served, if it is to be. */
  error: string;
}

const OFF: UiState = { port: 0, serving: false, error: 'it is switched off (--ui-off)' };

/** `state`: undefined where the interface is off. */
export function uiRoutes(state: () => UiState | undefined): RouteModule {
  return (router, { membership }) => {
    router.get('/essaim/ui', () => {
      const { store, nodeId } = managerOf(membership);
      const address = store.view.get('node', nodeId)?.Status.Addr ?? '';
      return {
        status: 200,
        body: { ...(state() ?? OFF), address, needsSetup: store.view.count('user') === 0 },
      };
    });
  };
}
