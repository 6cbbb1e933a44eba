/** Creating and updating services. */
import { timestamp } from '../../model/clock.ts';
import { sameSpec } from '../../model/dirty.ts';
import { keptEndpoint } from '../../model/endpoint.ts';
import { ApiError, rpcError } from '../../model/errors.ts';
import type { Credential, Service } from '../../model/objects.ts';
import { ServiceSpec } from '../../model/spec.ts';
import type { Change, View } from '../../store/contract.ts';
import type { ManagerFace } from '../contract.ts';
import { versionValue } from '../query.ts';
import type { ApiContext, ApiRequest, Reply } from '../router.ts';
import { managerOf } from './access.ts';
import { forApiVersion } from './api-version.ts';
import { findService } from './lookup.ts';
import { refuseWhatIsMissing } from './not-yet.ts';
import { randomName } from './random-name.ts';
import { resolveNetworks } from './service-networks.ts';
import { checkPortConflicts, requireIngress } from './service-ports.ts';
import { requireReferences } from './service-references.ts';
import { canonicalService } from './service-spec.ts';
import { validateService } from './service-validation.ts';
import { checkVersion, write } from './write.ts';

export async function createService(request: ApiRequest, context: ApiContext): Promise<Reply> {
  const posted = await request.json(ServiceSpec, 'ServiceSpec');
  const manager = managerOf(context.membership);
  const { store } = manager;
  const spec = await understand(posted, request, manager, context);
  validateService(spec);
  refuseWhatIsMissing(spec);
  const auth = registryAuth(request);
  const id = manager.newId();

  await write(store, (view) => {
    requireIngress(view, spec);
    checkPortConflicts(view, spec, undefined);
    const require = requireReferences(view, spec);
    if (view.byName('service', spec.Name!).length > 0) {
      const description = `name conflicts with an existing object: service ${spec.Name} already exists`;
      throw rpcError('AlreadyExists', description);
    }
    const now = timestamp(manager.now());
    const meta = { ID: id, Version: { Index: 0 }, CreatedAt: now, UpdatedAt: now };
    const service: Service = {
      ...meta,
      Spec: spec,
      Endpoint: keptEndpoint(spec),
      internal: { specVersion: 0 },
    };
    const changes: Change[] = [{ op: 'put', kind: 'service', object: service }];
    if (auth) changes.push({ op: 'put', kind: 'credential', object: { ...meta, auth, internal: {} } });
    return { changes, require, result: undefined };
  });
  return { status: 201, body: { ID: id, Warnings: null } };
}

export async function updateService(request: ApiRequest, context: ApiContext): Promise<Reply> {
  const posted = await request.json(ServiceSpec, 'ServiceSpec');
  const { query, params } = request;
  const version = versionValue(query, 'service');
  const manager = managerOf(context.membership);
  const { store } = manager;
  const spec = await understand(posted, request, manager, context);
  const auth = registryAuth(request);

  await write(store, (view) => {
    const service = findService(view, params.id!);
    const credential = credentialFor(view, service, auth, query);
    const rollback = isRollback(query);
    validateService(spec);
    const require = checkChange(view, service, spec);
    refuseWhatIsMissing(spec);
    const now = timestamp(manager.now());
    const next = { ...(rollback ? rolledBack(service, now) : changed(service, spec)), UpdatedAt: now };
    checkVersion(service, version);
    const changes: Change[] = [{ op: 'put', kind: 'service', object: next }];
    const kept = credentialChange(view, service, rollback ? swapped(view, service) : credential, now);
    if (kept) changes.push(kept);
    return { changes, require, result: undefined };
  });
  return { status: 200, body: { Warnings: null } };
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
  return require;
}

function changed(service: Service, spec: ServiceSpec): Service {
  const { UpdateStatus: _, ...rest } = service;
  const { specVersion } = service.internal;
  const sameTasks =
    sameSpec(spec.TaskTemplate, service.Spec.TaskTemplate) &&
    sameSpec(spec.EndpointSpec, service.Spec.EndpointSpec);
  return {
    ...rest,
    Spec: spec,
    PreviousSpec: service.Spec,
    Endpoint: keptEndpoint(spec, service.Endpoint),
    internal: {
      ...service.internal,
      // Scaling alone makes no new version, so that no task has to be compared with it.
      specVersion: sameTasks ? specVersion : service.Version.Index,
      previousSpecVersion: specVersion,
    },
  };
}

/** With spec and previous spec swapped: a second rollback goes back again. */
function rolledBack(service: Service, now: string): Service {
  const { Spec, PreviousSpec, internal } = service;
  if (!PreviousSpec) {
    throw rpcError('FailedPrecondition', `service ${service.ID} does not have a previous spec`);
  }
  return {
    ...service,
    Spec: PreviousSpec,
    PreviousSpec: Spec,
    Endpoint: keptEndpoint(PreviousSpec, service.Endpoint),
    UpdateStatus: {
      State: 'rollback_started',
      StartedAt: now,
      Message: 'manually requested rollback',
    },
    internal: {
      ...internal,
      specVersion: internal.previousSpecVersion ?? 0,
      previousSpecVersion: internal.specVersion,
    },
  };
}

function isRollback(query: URLSearchParams): boolean {
  const value = query.get('rollback') ?? '';
  if (!['', 'none', 'previous'].includes(value)) {
    throw new ApiError(500, `unrecognized rollback option ${value}`);
  }
  return value === 'previous';
}

type Auth = Pick<Credential, 'auth' | 'previousAuth'>;

function registryAuth({ headers }: ApiRequest): string | undefined {
  const value = headers['x-registry-auth'];
  return (Array.isArray(value) ? value[0] : value) || undefined;
}

/** The credentials after an update: those that were sent, else those that `registryAuthFrom` points to. */
function credentialFor(view: View, service: Service, sent: string | undefined, query: URLSearchParams): Auth {
  const { auth, previousAuth } = view.get('credential', service.ID) ?? {};
  if (sent) return { auth: sent, previousAuth: auth };
  const from = query.get('registryAuthFrom') ?? '';
  if (from === '' || from === 'spec') return { auth, previousAuth: auth };
  if (from !== 'previous-spec') throw new ApiError(500, 'unsupported registryAuthFrom value');
  if (!service.PreviousSpec) throw new ApiError(500, 'service does not have a previous spec');
  return { auth: previousAuth, previousAuth: auth };
}

function swapped(view: View, service: Service): Auth {
  const { auth, previousAuth } = view.get('credential', service.ID) ?? {};
  return { auth: previousAuth, previousAuth: auth };
}

function credentialChange(
  view: View,
  service: Service,
  { auth, previousAuth }: Auth,
  now: string,
): Change | undefined {
  const existing = view.get('credential', service.ID);
  if (existing?.auth === auth && existing?.previousAuth === previousAuth) return undefined;
  const object: Credential = {
    ID: service.ID,
    Version: existing?.Version ?? { Index: 0 },
    CreatedAt: existing?.CreatedAt ?? now,
    UpdatedAt: now,
    ...(auth === undefined ? {} : { auth }),
    ...(previousAuth === undefined ? {} : { previousAuth }),
    internal: {},
  };
  return { op: 'put', kind: 'credential', object };
}
