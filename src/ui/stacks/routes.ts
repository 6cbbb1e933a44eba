/** Stacks: checked, planned, deployed, kept revision by revision, removed. */
import type { Actor } from '../../access/actor.ts';
import { ACTOR, PART } from '../../access/routes.ts';
import { stackOf } from '../../access/stack.ts';
import type { ApiRequest, RouteModule } from '../../api/router.ts';
import { leaderOf, managerOf } from '../../api/swarm/access.ts';
import { canonicalService } from '../../api/swarm/services/spec/service.ts';
import type { Files } from '../../compose/deployment.ts';
import { planOf } from '../../compose/plan.ts';
import { type EngineClient, unixEngine } from '../../engine/client.ts';
import type { StackRevision } from '../../model/accounts.ts';
import { timestamp } from '../../model/clock.ts';
import { ApiError } from '../../model/errors.ts';
import { newId } from '../../model/id.ts';
import { boolean, integer, map, object, optional, text } from '../../model/schema.ts';
import type { Change, View } from '../../store/contract.ts';
import type { StackDifference } from '../protocol.ts';
import { deploy } from './deploy.ts';
import { liveStack, revisionsOf } from './live.ts';

/** Of a stack; the oldest go first. */
const MOST_REVISIONS = 50;
/** How often networks are tried to be removed that tasks are still leaving, and with which pause (ms). */
const LEAVING = { tries: 100, pause: 100 };

const CheckBody = object({
  name: optional(text()),
  files: optional(map(text())),
  prune: optional(boolean()),
});
const DeployBody = object({
  files: optional(map(text())),
  prune: optional(boolean()),
  message: optional(text()),
  base: optional(integer()),
});

/** What reads YAML is loaded when it is asked for: it costs a worker no memory. */
const compose = () => import('../../compose/deployment.ts');

/** `socket`: of the daemon's own API. */
export function stackRoutes(socket: string): RouteModule {
  // What they ask of it is in the audit as what was asked of them.
  const api = unixEngine(socket, { [PART]: 'stack' });
  return (router, { membership }) => {
    router.post('/essaim/compose/check', async (request) => {
      const { name, files, prune } = await request.json(CheckBody);
      const { view } = managerOf(membership).store;
      const stack = name ?? '';
      const { check } = await compose();
      const { deployment, problems, variables, values } = check(stack, files ?? {});
      // A plan tells what there is, values of environments included.
      const isShown = deployment && mayChange(request.headers[ACTOR], stack, view);
      const plan = isShown ? planOf(deployment, liveStack(stack, view), prune === true) : undefined;
      return {
        status: 200,
        body: {
          problems,
          variables: variables.map((each) => ({ ...each, isSet: each.name in values })),
          plan,
        },
      };
    });

    router.post('/essaim/stacks/{name}', async (request) => {
      const { files, prune, message, base } = await request.json(DeployBody);
      const manager = leaderOf(membership);
      const { store } = manager;
      const stack = request.params.name!;
      refuseOlder(stack, base ?? undefined, store.view);
      const { check } = await compose();
      const { deployment, problems } = check(stack, files ?? {});
      if (!deployment) {
        const { file, line, message } = problems.find(({ severity }) => severity === 'error')!;
        throw new ApiError(400, `${file}, line ${line}: ${message}`);
      }
      const actor = request.headers[ACTOR];
      const deployer = deployerNamed(actor, store.view);
      const plan = await deploy({ deployment, prune: prune === true, view: store.view, api, deployer });
      const number = await keepRevision(request, stack, files ?? {}, message ?? '', manager);
      return { status: 200, body: { revision: number, plan } };
    });

    router.get('/essaim/stacks/{name}/revisions', ({ params }) => {
      const { view } = managerOf(membership).store;
      const revisions = revisionsOf(params.name!, view).reverse();
      return {
        status: 200,
        body: revisions.map(({ number, CreatedAt, actor, message }) => ({
          number,
          at: CreatedAt,
          actor,
          message,
        })),
      };
    });

    router.get('/essaim/stacks/{name}/revisions/{number}', ({ params }) => {
      const { view } = managerOf(membership).store;
      const { number, CreatedAt, actor, message, files } = revisionNamed(params.name!, params.number!, view);
      return { status: 200, body: { number, at: CreatedAt, actor, message, files } };
    });

    router.get('/essaim/stacks/{name}/export', async ({ params }) => ({
      status: 200,
      body: { files: await exportedFiles(params.name!, managerOf(membership).store.view) },
    }));

    router.get('/essaim/stacks/{name}/diff', async ({ params, query }) => {
      const { view } = managerOf(membership).store;
      const stack = params.name!;
      const filesOf = (which: string | null): Files | Promise<Files> =>
        which === null ? exportedFiles(stack, view) : revisionNamed(stack, which, view).files;
      const [before, after] = await Promise.all([filesOf(query.get('a')), filesOf(query.get('b'))]);
      return { status: 200, body: await difference(stack, before, after) };
    });

    router.delete('/essaim/stacks/{name}', async ({ params, signal }) => {
      const { store } = leaderOf(membership);
      await removeStack(params.name!, store.view, api, signal);
      await store.commit((view) => ({
        changes: revisionsOf(params.name!, view).map(({ ID, Version }) => removal(ID, Version.Index)),
      }));
      return { status: 204 };
    });
  };
}

/** @throws ApiError 404 */
function revisionNamed(stack: string, which: string, view: View): StackRevision {
  const found = revisionsOf(stack, view).find(({ number }) => String(number) === which);
  if (!found) throw new ApiError(404, `${stack} has no revision ${which}`);
  return found;
}

/** A file that is made of what runs. @throws ApiError 404 */
async function exportedFiles(stack: string, view: View): Promise<Files> {
  const { services, networks } = liveStack(stack, view);
  if (services.length === 0) throw new ApiError(404, `there is no stack ${stack}`);
  const { exported } = await import('../../compose/export.ts');
  return { 'compose.yaml': exported(stack, services, networks) };
}

async function difference(stack: string, before: Files, after: Files): Promise<StackDifference> {
  const [{ check }, { compared }] = await Promise.all([compose(), import('../../compose/compare.ts')]);
  const [a, b] = [check(stack, before).deployment, check(stack, after).deployment];
  return { before, after, ...(a && b && { changes: compared(a, b, canonicalService) }) };
}

/** @throws ApiError 409 if somebody has deployed since */
function refuseOlder(stack: string, base: number | undefined, view: View): void {
  const last = revisionsOf(stack, view).at(-1);
  if (base === undefined || last === undefined || last.number === base) return;
  throw new ApiError(
    409,
    `${last.actor || 'somebody'} has deployed revision ${last.number} meanwhile, yours is made from ${base}`,
  );
}

/** Whether that stack is that account's to change; on the daemon's own socket it is. */
function mayChange(name: string | string[] | undefined, stack: string, view: View): boolean {
  if (name === undefined) return true;
  const user = view.get('user', String(name));
  if (user?.role === 'deployer') return user.stacks?.includes(stack) === true;
  return user?.role === 'administrator' || user?.role === 'operator';
}

/** Whoever asks, if all that they may is to deploy. */
function deployerNamed(name: string | string[] | undefined, view: View): Actor | undefined {
  const user = typeof name === 'string' ? view.get('user', name) : undefined;
  if (user?.role !== 'deployer') return undefined;
  const via = { kind: 'session' as const, id: '', name: '' };
  return { name: user.ID, role: user.role, stacks: new Set(user.stacks), scope: 'all', via };
}

async function keepRevision(
  { headers }: ApiRequest,
  stack: string,
  files: Files,
  message: string,
  { store, now }: ReturnType<typeof leaderOf>,
): Promise<number> {
  const actor = headers[ACTOR];
  const at = timestamp(now());
  const { result } = await store.commit((view) => {
    const before = revisionsOf(stack, view);
    const number = (before.at(-1)?.number ?? 0) + 1;
    const revision: StackRevision = {
      ...{ ID: newId(), Version: { Index: 0 }, CreatedAt: at, UpdatedAt: at },
      ...{ stack, number, files, message, actor: typeof actor === 'string' ? actor : '' },
      internal: {},
    };
    const oldest = before.slice(0, Math.max(0, before.length + 1 - MOST_REVISIONS));
    const changes: Change[] = [
      { op: 'put', kind: 'stackRevision', object: revision },
      ...oldest.map(({ ID, Version }) => removal(ID, Version.Index)),
    ];
    return { changes, result: number };
  });
  return result;
}

function removal(id: string, revision: number): Change {
  return { op: 'delete', kind: 'stackRevision', id, revision };
}

/** As `docker stack rm`: services, then secrets, configs and networks, these once the tasks have left them. */
async function removeStack(stack: string, view: View, api: EngineClient, signal: AbortSignal): Promise<void> {
  const { services } = liveStack(stack, view);
  const of = (kind: 'secret' | 'config' | 'network') =>
    [...view.all(kind)].filter(({ Spec }) => stackOf(Spec) === stack);
  const [secrets, configs, networks] = [of('secret'), of('config'), of('network')];
  if (services.length + secrets.length + configs.length + networks.length === 0)
    throw new ApiError(404, `Nothing found in stack: ${stack}`);
  for (const { ID } of services) await api.json('DELETE', `/services/${ID}`);
  for (const { ID } of secrets) await api.json('DELETE', `/secrets/${ID}`);
  for (const { ID } of configs) await api.json('DELETE', `/configs/${ID}`);
  for (const { ID } of networks) {
    for (let tries = 1; ; tries++) {
      try {
        await api.json('DELETE', `/networks/${ID}`);
        break;
      } catch (error) {
        const isUsed = error instanceof ApiError && (error.status === 403 || error.status === 400);
        if (!isUsed || tries >= LEAVING.tries || signal.aborted) throw error;
        await new Promise((resolve) => setTimeout(resolve, LEAVING.pause));
      }
    }
  }
}
