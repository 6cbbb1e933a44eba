/** What `essaim ui` asks the daemon: where its web interface is. */
import type { RouteModule } from '../api/router.ts';
import { managerOf } from '../api/swarm/access.ts';

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
