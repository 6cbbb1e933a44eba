/** What users ask of the cluster: the API's own routes, called without sockets. */

import type { Leader, ManagerFace } from '../../src/api/contract.ts';
import { type ApiContext, type ApiRequest, Router } from '../../src/api/router.ts';
import { secretRoutes } from '../../src/api/swarm/contents/routes.ts';
import { nodeRoutes } from '../../src/api/swarm/nodes/routes.ts';
import { serviceRoutes } from '../../src/api/swarm/services/routes.ts';
import { SOLE_LEADER } from '../../src/api/swarm/testing/leader.ts';
import { ApiError } from '../../src/model/errors.ts';
import type { Node, Secret, Service } from '../../src/model/objects.ts';
import type { NodeSpec, ServiceSpec } from '../../src/model/spec.ts';
import type { Store } from '../../src/store/contract.ts';
import { StoreError } from '../../src/store/store-error.ts';

export interface UserOptions {
  /** The store of the manager that runs now. */
  store(): Store;
  newId(): string;
  now(): number;
  /** Which manager leads; absent: there is one only. */
  leader?: Pick<Leader, 'isHere' | 'requireCurrent'>;
  /** Carries a request out, if that takes more than this manager. */
  ask?(request: Asked): Promise<void>;
}

/** A request, with its path below the version. */
export interface Asked {
  method: string;
  path: string;
  query: Record<string, string>;
  body?: unknown;
}

/** Every call resolves with the error message that the user sees, or undefined. */
export class User {
  readonly #router = new Router();
  readonly #ask: (request: Asked) => Promise<void>;

  constructor(options: UserOptions) {
    this.#ask = options.ask ?? ((request) => this.answer(request));
    const face = {
      get store() {
        return options.store();
      },
      leader: options.leader ?? SOLE_LEADER,
      newId: options.newId,
      now: options.now,
      disconnect: () => {},
      cluster: () => options.store().view.all('cluster').next().value,
    } as unknown as ManagerFace;
    // The simulated hosts have no images of their own.
    const engine = {
      version: async () => ({ ApiVersion: '1.41' }),
      json: async () => Promise.reject(new ApiError(404, 'No such image')),
    };
    const context = { engine, membership: { manager: () => face } } as unknown as ApiContext;
    serviceRoutes(this.#router, context);
    nodeRoutes(this.#router, context);
    secretRoutes(this.#router, context);
  }

  create(spec: ServiceSpec): Promise<string | undefined> {
    return this.#call('POST', '/services/create', {}, spec);
  }

  update(service: Service, spec: ServiceSpec, rollback = false): Promise<string | undefined> {
    const version = String(service.Version.Index);
    const query: Record<string, string> = rollback ? { version, rollback: 'previous' } : { version };
    return this.#call('POST', `/services/${service.ID}/update`, query, spec);
  }

  remove(service: Service): Promise<string | undefined> {
    return this.#call('DELETE', `/services/${service.ID}`, {});
  }

  updateNode(node: Node, spec: NodeSpec): Promise<string | undefined> {
    return this.#call('POST', `/nodes/${node.ID}/update`, { version: String(node.Version.Index) }, spec);
  }

  /** With force, since it may well run. */
  removeNode(node: Node): Promise<string | undefined> {
    return this.#call('DELETE', `/nodes/${node.ID}`, { force: '1' });
  }

  changeSecret(secret: Secret, Data: string): Promise<string | undefined> {
    const query = { version: String(secret.Version.Index) };
    return this.#call('POST', `/secrets/${secret.ID}/update`, query, { ...secret.Spec, Data });
  }

  async #call(
    method: string,
    path: string,
    query: Record<string, string>,
    body?: unknown,
  ): Promise<string | undefined> {
    try {
      await this.#ask({ method, path, query, body });
      return undefined;
    } catch (error) {
      if (error instanceof ApiError || error instanceof StoreError) return error.message;
      throw error;
    }
  }

  /** What the API answers. Rejects with what it refuses with. */
  async answer({ method, path, query, body }: Asked): Promise<void> {
    const match = this.#router.match(method, path);
    if (!match) throw new Error(`no route for ${method} ${path}`);
    const request = {
      method,
      path,
      params: match.params,
      query: new URLSearchParams(query),
      apiVersion: '1.47',
      headers: {},
      signal: new AbortController().signal,
      json: async () => structuredClone(body),
      bytes: async () => Buffer.from(JSON.stringify(body)),
    } as unknown as ApiRequest;
    await match.handler(request);
  }
}
