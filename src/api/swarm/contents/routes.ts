/** Secrets and configs: the same routes for both, but that the data of a secret is never shown. */
import { timestamp } from '../../../model/clock.ts';
import { ApiError, rpcError } from '../../../model/errors.ts';
import type { Cluster, Config, Secret } from '../../../model/objects.ts';
import { sameSpec } from '../../../model/same-spec.ts';
import { ConfigSpec, SecretSpec } from '../../../model/spec.ts';
import type { Change, Kinds, View } from '../../../store/contract.ts';
import { type Filters, parseFilters } from '../../filters.ts';
import { compareVersions, versionValue } from '../../query.ts';
import type { ApiRequest, RouteModule } from '../../router.ts';
import { leaderOf, managerOf } from '../access.ts';
import { labels, map, optional, present, text } from '../go-form.ts';
import { findConfig, findSecret } from '../lookup.ts';
import { usersOf } from '../services/references.ts';
import { checkVersion } from '../version.ts';
import { contentChanges, forgetContents } from './change.ts';
import { configForm, secretForm } from './form.ts';

type Kind = 'secret' | 'config';

/** On the swarm: 'fixed' makes content as unchangeable as Docker Swarm does. */
const CONTENTS_LABEL = 'essaim.contents';

/** What a kind has of its own. */
interface Rules<K extends Kind> {
  kind: K;
  filters: string[];
  /** Bytes; this many are too many. */
  limit: number;
  read(request: ApiRequest): Promise<SecretSpec>;
  find(view: View, input: string): Kinds[K];
  form(object: Kinds[K]): object;
}

const SECRETS: Rules<'secret'> = {
  kind: 'secret',
  filters: ['id', 'label', 'name', 'names'],
  limit: 500 * 1024,
  read: (request) => request.json(SecretSpec, 'SecretSpec'),
  find: findSecret,
  form: secretForm,
};

const CONFIGS: Rules<'config'> = {
  kind: 'config',
  filters: ['id', 'label', 'name'],
  limit: 1000 * 1024,
  read: (request) => request.json(ConfigSpec, 'ConfigSpec'),
  find: findConfig,
  form: configForm,
};

const NAME = /^[a-zA-Z0-9]+(?:[a-zA-Z0-9-_.]*[a-zA-Z0-9])?$/;

export const secretRoutes = routes(SECRETS);
export const configRoutes = routes(CONFIGS);

function routes<K extends Kind>(rules: Rules<K>): RouteModule {
  const { kind } = rules;
  const path = `/${kind}s`;
  return (router, { membership }) => {
    router.get(path, ({ query }) => {
      const filters = parseFilters(query, rules.filters);
      const { view } = managerOf(membership).store;
      const objects: Kinds[K][] = [...view.all(kind)];
      return { status: 200, body: objects.filter((object) => matches(object, filters)).map(rules.form) };
    });

    router.get(`${path}/{id}`, ({ params }) => {
      const { view } = managerOf(membership).store;
      return { status: 200, body: rules.form(rules.find(view, params.id!)) };
    });

    router.post(`${path}/create`, async (request) => {
      const spec = await rules.read(request);
      if (spec.Templating && compareVersions(request.apiVersion, '1.37') < 0) {
        const message = `${kind} templating is not supported on the specified API version: ${request.apiVersion}`;
        throw new ApiError(400, message);
      }
      const data = decodedData(spec);
      const manager = leaderOf(membership);
      const created = canonical(spec, data);
      validate(created, data, rules);
      const id = manager.newId();
      await manager.store.commit((view) => {
        if (view.byName(kind, created.Name!).length > 0) {
          throw rpcError('AlreadyExists', `${kind} ${created.Name} already exists`);
        }
        const now = timestamp(manager.now());
        const object = {
          ...{ ID: id, Version: { Index: 0 }, CreatedAt: now, UpdatedAt: now },
          Spec: created,
          internal: {},
        };
        return { changes: [{ op: 'put', kind, object } as Change] };
      });
      return { status: 201, body: { ID: id } };
    });

    router.post(`${path}/{id}/update`, async (request) => {
      const spec = await rules.read(request);
      const version = tersely(() => versionValue(request.query, kind), `invalid ${kind} version`);
      const data = decodedData(spec);
      const manager = leaderOf(membership);
      const { store } = manager;
      await store.commit((view) => {
        const object: Secret | Config = rules.find(view, request.params.id!);
        const next = changed(object, spec, data, manager.cluster(), rules);
        checkVersion(object, version);
        const at = manager.now();
        const put = { op: 'put', kind, object: { ...next, UpdatedAt: timestamp(at) } } as Change;
        // Without data it is about the labels alone.
        const others = data.length === 0 ? [] : contentChanges(view, object, next, at);
        return { changes: [put, ...others] };
      });
      if (data.length === 0) return { status: 200 };
      // A service that was being created meanwhile may have got what was there before.
      await store.commit((view) => {
        const [object]: Array<Secret | Config> = view.byName(kind, spec.Name ?? '');
        const changes = object ? contentChanges(view, object, object, manager.now()) : [];
        return { changes };
      });
      return { status: 200 };
    });

    router.delete(`${path}/{id}`, async ({ params }) => {
      const { store } = leaderOf(membership);
      await store.commit((view) => {
        const { ID, Spec, Version }: Secret | Config = rules.find(view, params.id!);
        const users = usersOf(view, kind, ID);
        if (users.length > 0) {
          const services = users.length === 1 ? 'service' : 'services';
          throw rpcError(
            'InvalidArgument',
            `${kind} '${Spec.Name}' is in use by the following ${services}: ${users.join(', ')}`,
          );
        }
        const remove = { op: 'delete', kind, id: ID, revision: Version.Index } as Change;
        return { changes: [remove, ...forgetContents(view, ID)] };
      });
      return { status: 204 };
    });
  };
}

/** Names and ids are alternatives to each other; labels have to match as well. */
function matches({ ID, Spec }: Secret | Config, filters: Filters): boolean {
  if (!filters.labels('label', Spec.Labels)) return false;
  const name = Spec.Name ?? '';
  const asked = ['names', 'name', 'id'].filter((key) => filters.get(key).length > 0);
  return (
    asked.length === 0 ||
    asked.some((key) =>
      key === 'names' ? filters.exact(key, name) : filters.prefix(key, key === 'id' ? ID : name),
    )
  );
}

/**
 * With the labels, and the content if there is any, of `posted`. Throws ApiError if that is not allowed, or if the
 * cluster does as Docker Swarm does and lets no content change.
 */
function changed(
  object: Secret | Config,
  posted: SecretSpec,
  data: Buffer,
  cluster: Cluster,
  rules: Rules<Kind>,
): Secret | Config {
  const { Name, Labels, Data, Templating } = canonical(posted, data);
  const { Data: oldData, Templating: oldTemplating, ...rest } = object.Spec;
  const sameData = data.length === 0 || Data === oldData;
  const fixed = cluster.Spec.Labels?.[CONTENTS_LABEL] === 'fixed';
  if (Name !== object.Spec.Name || (fixed && !sameData)) {
    throw rpcError('InvalidArgument', 'only updates to Labels are allowed');
  }
  const Spec = { ...object.Spec, Labels: Labels! };
  if (data.length === 0 || fixed || (sameData && sameSpec(Templating, oldTemplating)))
    return { ...object, Spec };
  checkSize(data, rules);
  return {
    ...object,
    Spec: { ...rest, Labels: Labels!, Data: Data!, ...(Templating && { Templating }) },
    internal: { ...object.internal, contentVersion: (object.internal.contentVersion ?? 0) + 1 },
  };
}

function canonical(spec: SecretSpec, data: Buffer): SecretSpec {
  const driver = ({ Name, Options }: NonNullable<SecretSpec['Driver']>) =>
    present({ Name: text(Name), Options: map(Options) });
  return present({
    Name: spec.Name ?? '',
    Labels: labels(spec.Labels),
    Data: text(data.toString('base64')),
    Driver: optional(spec.Driver, driver),
    Templating: optional(spec.Templating, driver),
  });
}

function validate(spec: SecretSpec, data: Buffer, rules: Rules<Kind>): void {
  const name = spec.Name ?? '';
  if (name === '') throw rpcError('InvalidArgument', 'name must be provided');
  if (name.length > 64 || !NAME.test(name)) {
    throw rpcError(
      'InvalidArgument',
      'invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end character must be [a-zA-Z0-9]',
    );
  }
  if (spec.Driver) {
    if (!spec.Driver.Name) throw rpcError('InvalidArgument', 'secret driver must have a name');
    throw rpcError('Unknown', `plugin ${JSON.stringify(spec.Driver.Name)} not found`);
  }
  checkSize(data, rules);
}

function checkSize(data: Buffer, { kind, limit }: Rules<Kind>): void {
  if (data.length === 0 || data.length >= limit) {
    throw rpcError('InvalidArgument', `${kind} data must be larger than 0 and less than ${limit} bytes`);
  }
}

/** Throws ApiError 400, with Go's text, unless the data is base64. */
function decodedData({ Data }: SecretSpec): Buffer {
  const base64 = (Data ?? '').replace(/[\r\n]/g, '');
  const illegal = (at: number) => new ApiError(400, `illegal base64 data at input byte ${at}`);
  const valid = /^[A-Za-z0-9+/]*={0,2}/.exec(base64)![0];
  if (valid.length !== base64.length) throw illegal(valid.length);
  // Of four that are not complete Go names the first.
  if (base64.length % 4 !== 0) throw illegal(base64.length - (base64.length % 4));
  return Buffer.from(base64, 'base64');
}

function tersely<T>(read: () => T, message: string): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ApiError) throw new ApiError(error.status, message);
    throw error;
  }
}
