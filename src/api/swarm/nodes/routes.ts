/** The cluster's nodes: list, inspect, update, remove. */
import { timestamp } from '../../../model/clock.ts';
import { ApiError, rpcError } from '../../../model/errors.ts';
import type { Node } from '../../../model/objects.ts';
import { NodeSpec } from '../../../model/spec.ts';
import { type Filters, parseFilters } from '../../filters.ts';
import { boolValue, versionValue } from '../../query.ts';
import type { RouteModule } from '../../router.ts';
import { leaderOf, managerOf } from '../access.ts';
import { arrayOf } from '../array.ts';
import { labels, present, text } from '../go-form.ts';
import { findNode } from '../lookup.ts';
import { checkVersion } from '../version.ts';
import { nodeForm } from './form.ts';
import { checkRole } from './role.ts';

const FILTERS = ['id', 'label', 'membership', 'name', 'node.label', 'role'];
const ROLES = ['worker', 'manager'];
const AVAILABILITIES = ['active', 'pause', 'drain'];
/** Every node is accepted once it has a certificate. */
const MEMBERSHIPS = ['accepted', 'pending'];

const JSON_HEADERS = { 'Content-Type': 'application/json' };
/** Kept for as long as their objects: an object of the view never changes. */
const texts = new WeakMap<Node, Buffer>();

export const nodeRoutes: RouteModule = (router, { membership }) => {
  router.get('/nodes', ({ query }) => {
    const filters = parseFilters(query, FILTERS);
    const { view } = managerOf(membership).store;
    const roles = oneOf(filters, 'role', ROLES);
    const memberships = oneOf(filters, 'membership', MEMBERSHIPS);
    const nodes = [...view.all('node')].filter(
      ({ ID, Spec, Description }) =>
        filters.prefix('id', ID) &&
        filters.prefix('name', ...(Description ? [Description.Hostname] : [])) &&
        filters.labels('label', Description?.Engine.Labels) &&
        filters.labels('node.label', Spec.Labels) &&
        (roles.length === 0 || roles.includes(Spec.Role ?? '')) &&
        (memberships.length === 0 || memberships.includes('accepted')),
    );
    return { status: 200, headers: JSON_HEADERS, stream: arrayOf(nodes.values().map(listed)) };
  });

  router.get('/nodes/{id}', ({ params }) => {
    const { view } = managerOf(membership).store;
    return {
      status: 200,
      headers: JSON_HEADERS,
      text: `${listed(findNode(view, params.id!)).subarray(1)}\n`,
    };
  });

  router.post('/nodes/{id}/update', async (request) => {
    const posted = await request.json(NodeSpec, 'NodeSpec');
    const version = versionValue(request.query, 'node');
    const manager = leaderOf(membership);
    const spec = canonicalNode(posted);
    await manager.store.commit((view) => {
      const node = findNode(view, request.params.id!);
      checkRole(view, node, spec.Role!, manager.nodeId);
      checkVersion(node, version);
      const internal = { ...node.internal, specAfter: node.Version.Index };
      const object = { ...node, Spec: spec, UpdatedAt: timestamp(manager.now()), internal };
      return { changes: [{ op: 'put', kind: 'node', object }] };
    });
    return { status: 200 };
  });

  router.delete('/nodes/{id}', async ({ params, query }) => {
    const manager = leaderOf(membership);
    const force = boolValue(query, 'force');
    const { result: removed } = await manager.store.commit((view) => {
      const { ID, Spec, Status, Version } = findNode(view, params.id!);
      if (Spec.Role === 'manager') {
        throw rpcError(
          'FailedPrecondition',
          `node ${ID} is a cluster manager and is a member of the raft cluster. It must be demoted to worker before removal`,
        );
      }
      if (Status.State === 'ready' && !force) {
        throw rpcError('FailedPrecondition', `node ${ID} is not down and can't be removed`);
      }
      return { changes: [{ op: 'delete', kind: 'node', id: ID, revision: Version.Index }], result: ID };
    });
    manager.disconnect(removed);
    return { status: 200 };
  });
};

/** As JSON with a comma in front. */
function listed(node: Node): Buffer {
  let text = texts.get(node);
  if (text === undefined) {
    text = Buffer.from(`,${JSON.stringify(nodeForm(node))}`);
    texts.set(node, text);
  }
  return text;
}

/** Throws ApiError 400. */
function canonicalNode(spec: NodeSpec): NodeSpec {
  const role = spec.Role?.toLowerCase() ?? '';
  if (!ROLES.includes(role)) throw new ApiError(400, `invalid Role: ${JSON.stringify(spec.Role ?? '')}`);
  const availability = spec.Availability?.toLowerCase() ?? '';
  if (!AVAILABILITIES.includes(availability)) {
    throw new ApiError(400, `invalid Availability: ${JSON.stringify(spec.Availability ?? '')}`);
  }
  return present({
    Name: text(spec.Name),
    Labels: labels(spec.Labels),
    Role: role,
    Availability: availability,
  });
}

/** The values of a filter in lower case. Throws the error that Docker gives for an unknown one. */
function oneOf(filters: Filters, key: string, known: readonly string[]): string[] {
  const values = filters.get(key).filter((value) => value !== '');
  const unknown = values.find((value) => !known.includes(value.toLowerCase()));
  if (unknown !== undefined) throw new ApiError(500, `Invalid ${key} filter: '${unknown}'`);
  return values.map((value) => value.toLowerCase());
}
