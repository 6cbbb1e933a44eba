/** Creating and updating services. */
import { timestamp } from '../../../model/clock.ts';
import { keptEndpoint } from '../../../model/endpoint.ts';
import { ApiError, rpcError } from '../../../model/errors.ts';
import type { Service } from '../../../model/objects.ts';
import { sameSpec } from '../../../model/same-spec.ts';
import { ServiceSpec } from '../../../model/spec.ts';
import type { Change, View } from '../../../store/contract.ts';
import type { ManagerFace } from '../../contract.ts';
import { learnedBefore, PassOn } from '../../pass-on.ts';
import { versionValue } from '../../query.ts';
import type { ApiContext, ApiRequest, Reply } from '../../router.ts';
import { managerOf } from '../access.ts';
import { findService } from '../lookup.ts';
import { checkVersion } from '../version.ts';
import { forApiVersion } from './api-version.ts';
import { changed, firstExecution, rolledBack } from './change.ts';
import { credentialChange, credentialFor, registryAuth, swappedCredential } from './credential.ts';
import { imageAfter, type KnownImage, knowImage } from './image.ts';
import { resolveNetworks } from './networks.ts';
import { checkPortConflicts, requireIngress } from './ports.ts';
import { randomName } from './random-name.ts';
import { contentsFor, requireReferences } from './references.ts';
import { canonicalService } from './spec/service.ts';
import { validateService } from './spec/validation.ts';

export async function createService(request: ApiRequest, context: ApiContext): Promise<Reply> {
  const posted = await request.json(ServiceSpec, 'ServiceSpec');
  const manager = managerOf(context.membership);
  const { store } = manager;
  const auth = registryAuth(request);
  const { spec, warnings, imageBuild } = await prepared(posted, request, context, {
    ...{ manager, auth },
    check: validateService,
  });
  const id = manager.newId();

  await store.commit((view) => {
    requireIngress(view, spec);
    checkPortConflicts(view, spec, undefined);
    const require = requireReferences(view, spec);
    if (view.byName('service', spec.Name!).length > 0) {
      const description = `name conflicts with an existing object: service ${spec.Name} already exists`;
      throw rpcError('AlreadyExists', description);
    }
    const now = timestamp(manager.now());
    const meta = { ID: id, Version: { Index: 0 }, CreatedAt: now, UpdatedAt: now };
    const contents = contentsFor(view, spec, undefined);
    const service: Service = {
      ...meta,
      Spec: spec,
      Endpoint: keptEndpoint(spec),
      ...firstExecution(spec, now),
      internal: {
        specVersion: 0,
        specAfter: view.revision,
        ...(contents && { contents }),
        ...(imageBuild && { imageBuild }),
      },
    };
    const changes: Change[] = [{ op: 'put', kind: 'service', object: service }];
    if (auth) changes.push({ op: 'put', kind: 'credential', object: { ...meta, auth, internal: {} } });
    return { changes, require };
  });
  return { status: 201, body: { ID: id, Warnings: warnings } };
}

export async function updateService(request: ApiRequest, context: ApiContext): Promise<Reply> {
  const posted = await request.json(ServiceSpec, 'ServiceSpec');
  const { query, params } = request;
  const version = versionValue(query, 'service');
  const manager = managerOf(context.membership);
  const { store } = manager;
  const auth = registryAuth(request);
  const rollback = isRollback(query);
  const known = await prepared(posted, request, context, { manager, auth });
  const { spec, warnings, imageBuild: built } = known;

  await store.commit((view) => {
    const service = findService(view, params.id!);
    const credential = credentialFor(view, service, auth, query);
    validateService(spec);
    const require = checkChange(view, service, spec);
    const now = timestamp(manager.now());
    const contents = contentsFor(view, spec, service);
    const imageBuild = imageAfter(service, spec, built);
    const next = rollback ? rolledBack(service, now) : changed(service, spec, { contents, imageBuild }, now);
    checkVersion(service, version);
    const changes: Change[] = [{ op: 'put', kind: 'service', object: next }];
    const kept = credentialChange(
      view,
      service,
      rollback ? swappedCredential(view, service) : credential,
      now,
    );
    if (kept) changes.push(kept);
    return { changes, require };
  });
  return { status: 200, body: { Warnings: warnings } };
}

/**
 * The posted spec with what this host knows of it: its engine's networks and images are what the user means. Throws PassOn
 * with all that on a manager that does not lead.
 */
async function prepared(
  posted: ServiceSpec,
  request: ApiRequest,
  context: ApiContext,
  asked: { manager: ManagerFace; auth: string | undefined; check?: (spec: ServiceSpec) => void },
): Promise<KnownImage> {
  const { manager, auth, check } = asked;
  const before = learnedBefore<Omit<KnownImage, 'spec'>>(request);
  if (before) return { spec: posted, ...before };
  const understood = await understand(posted, request, manager, context);
  check?.(understood);
  const { spec, warnings, imageBuild } = await knowImage(understood, auth, request, context);
  if (!manager.leader.isHere()) throw new PassOn({ body: spec, known: { warnings, imageBuild } });
  return { spec, warnings, imageBuild };
}

/** The posted spec in canonical form, with a name, and its networks found. Throws ApiError. */
async function understand(
  posted: ServiceSpec,
  request: ApiRequest,
  manager: ManagerFace,
  context: ApiContext,
): Promise<ServiceSpec> {
  const { view } = manager.store;
  const spec = canonicalService(forApiVersion(posted, request.apiVersion));
  const resolved = await resolveNetworks(view, context.engine, spec, request.signal);
  if (resolved.Name) return resolved;
  return { Name: randomName((name) => view.byName('service', name).length > 0), ...resolved };
}

/** That the cluster allows this change of a service. Returns what has to stay so until it is written. */
function checkChange(view: View, service: Service, spec: ServiceSpec): ReturnType<typeof requireReferences> {
  if (spec.EndpointSpec && !sameSpec(spec.EndpointSpec, service.Spec.EndpointSpec)) {
    requireIngress(view, spec);
    checkPortConflicts(view, spec, service.ID);
  }
  const require = requireReferences(view, spec);
  const [mode] = Object.keys(spec.Mode!);
  if (mode !== Object.keys(service.Spec.Mode!)[0]) {
    throw rpcError('Unimplemented', 'service mode change is not allowed');
  }
  if (spec.Name !== service.Spec.Name) {
    throw rpcError('Unimplemented', 'renaming services is not supported');
  }
  if (
    !sameSpec(spec.Networks, service.Spec.Networks, 'Networks') &&
    sameSpec(spec.TaskTemplate?.Networks, service.Spec.TaskTemplate?.Networks, 'Networks')
  ) {
    throw rpcError('Unimplemented', 'networks must be migrated to TaskSpec before being changed');
  }
  return require;
}

function isRollback(query: URLSearchParams): boolean {
  const value = query.get('rollback') ?? '';
  if (!['', 'none', 'previous'].includes(value)) {
    throw new ApiError(500, `unrecognized rollback option ${value}`);
  }
  return value === 'previous';
}
