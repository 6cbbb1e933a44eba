/** For tests: engines of a manager's host and of another one, as far as containers and images are moved about. */
import { PassThrough, Readable } from 'node:stream';
import type { EngineClient, RequestOptions } from '../../../engine/client.ts';
import { readAll } from '../../../engine/client.ts';
import { ApiError } from '../../../model/errors.ts';

/** An engine that knows what its containers are called, and which layer each image has. */
export class FakeEngine {
  readonly name: string;
  readonly containers = new Set<string>();
  /** Layer and tags, by ids. */
  readonly images = new Map<string, { layer: string; tags: string[] }>();
  /** The bodies and queries of all commits. */
  readonly commits: RequestOptions[] = [];
  #made = 0;

  constructor(name: string) {
    this.name = name;
  }

  get client(): EngineClient {
    return this as unknown as EngineClient;
  }

  async version(): Promise<{ ApiVersion: string }> {
    return { ApiVersion: '1.51' };
  }

  async request(_method: string, path: string): Promise<{ status: number; body: Readable }> {
    const [, , name = ''] = path.split('/');
    return { status: this.containers.has(name) ? 200 : 404, body: Readable.from([]) };
  }

  async json(method: string, path: string, options: RequestOptions = {}): Promise<unknown> {
    const [, kind, id = '', action] = decodeURIComponent(path).split('/');
    if (kind === 'commit') {
      this.commits.push(options);
      return { Id: this.#add(`layer ${this.commits.length}`) };
    }
    if (path === '/images/json') return [...this.images.keys()].map((Id) => ({ Id }));
    const image = this.images.get(id);
    if (!image) throw new ApiError(404, `No such image: ${id}`);
    if (action === 'json') return { Id: id, RootFS: { Layers: [image.layer] }, Config: {} };
    if (method === 'DELETE') return void this.images.delete(id);
    const { repo, tag = 'latest' } = options.query as { repo: string; tag?: string };
    if (/[A-Z]/.test(repo))
      throw new ApiError(400, 'invalid reference format: repository name must be lowercase');
    image.tags.push(`${repo}:${tag}`);
    return undefined;
  }

  async stream(_method: string, path: string, options: RequestOptions): Promise<Readable> {
    if (path === '/images/get') {
      return Readable.from([Buffer.from(this.images.get((options.query as { names: string }).names)!.layer)]);
    }
    this.#add((await readAll(options.body as Readable)).toString());
    return new PassThrough().end('{"stream":"loaded"}\n');
  }

  #add(layer: string): string {
    const id = `sha256:${this.name}${++this.#made}`;
    this.images.set(id, { layer, tags: [] });
    return id;
  }
}
