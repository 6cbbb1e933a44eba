/** What the web interface asks of the daemon besides Docker's API, and where it is. */
import type { RouteModule } from '../api/router.ts';
import { managerOf } from '../api/swarm/access.ts';
import { findConfig, findNode, findSecret, findService, findTask } from '../api/swarm/lookup.ts';
import { ServiceSpec } from '../model/spec.ts';
import { drainPlan } from './placement/drain.ts';
import { why } from './placement/why.ts';
import { contentVersions, servicePlan } from './rollout.ts';

/** What is read off the view for the screens. */
export const lookRoutes: RouteModule = (router, { membership }) => {
  router.get('/essaim/tasks/{id}/why', ({ params }) => {
    const { store, now } = managerOf(membership);
    return { status: 200, body: why(findTask(store.view, params.id!), store.view, now()) };
  });

  router.get('/essaim/nodes/{id}/drain', ({ params }) => {
    const { view } = managerOf(membership).store;
    return { status: 200, body: drainPlan(findNode(view, params.id!), view) };
  });

  router.post('/essaim/services/{id}/plan', async (request) => {
    const { view } = managerOf(membership).store;
    const spec = await request.json(ServiceSpec);
    return { status: 200, body: servicePlan(findService(view, request.params.id!), spec, view) };
  });

  router.get('/essaim/configs/{id}/versions', ({ params }) => {
    const { view } = managerOf(membership).store;
    return { status: 200, body: contentVersions('config', findConfig(view, params.id!).ID, view) };
  });

  router.get('/essaim/secrets/{id}/versions', ({ params }) => {
    const { view } = managerOf(membership).store;
    return { status: 200, body: contentVersions('secret', findSecret(view, params.id!).ID, view) };
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
