/** A Docker Engine in memory, as far as a cluster uses it: for tests of what becomes of containers when engines fail. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { type Duplex, duplexPair } from 'node:stream';
import { EngineClient } from '../../engine/client.ts';
import { createServer } from '../../node/http.ts';

interface SimulatedContainer {
  id: string;
  name: string;
  body: Record<string, unknown>;
  running: boolean;
  /** Whether it ever was. */
  started: boolean;
  created: number;
}

const now = (): string => new Date().toISOString();
const ZERO = '0001-01-01T00:00:00Z';
interface Bindings {
  HostConfig?: { PortBindings?: Record<string, Array<{ HostIp?: string; HostPort: string }>> };
}

function boundPorts({ HostConfig }: Bindings): object[] {
  return Object.entries(HostConfig?.PortBindings ?? {}).flatMap(([port, bindings]) => {
    const [PrivatePort, Type] = port.split('/');
    return bindings.map(({ HostIp, HostPort }) => ({
      ...{ IP: HostIp || '0.0.0.0', PrivatePort: Number(PrivatePort), PublicPort: Number(HostPort), Type },
    }));
  });
}

/** Order of creation, where seconds are too coarse for a test. */
let clock = 1_000_000;

export class SimulatedEngine {
  readonly name: string;
  readonly containers = new Map<string, SimulatedContainer>();
  readonly images: string[] = ['busybox:latest'];
  readonly volumes: string[] = [];
  /** What is answered at other paths. */
  readonly answers: Record<string, unknown> = {};
  /** What was put to other paths, with their query: `/x?path=a`. */
  readonly put: Record<string, string> = {};
  /** What was removed, by name. */
  readonly removed: string[] = [];
  readonly client: EngineClient;
  /** Calls of creation that are to fail from now on. */
  refusals = 0;
  /** Whether an event is lost. */
  losesEvent: () => boolean = () => false;
  /** Calls that start a container and are to fail from now on. */
  startRefusals = 0;
  /** Whether it has no answer just now to who wants its list of containers. */
  listsFail: () => boolean = () => false;
  readonly #server: Server;
  readonly #connections = new Set<Duplex>();
  readonly #listeners = new Set<ServerResponse>();
  #up = true;
  #hung: PromiseWithResolvers<void> | undefined;

  constructor(name: string) {
    this.name = name;
    this.#server = createServer(this.handler);
    this.client = new EngineClient({ name: `tcp://${name}:2375`, connect: () => this.#connect() });
  }

  /** Answers requests that come another way. */
  readonly handler = (request: IncomingMessage, response: ServerResponse): void => {
    void this.#answer(request, response);
  };

  get running(): SimulatedContainer[] {
    return [...this.containers.values()].filter(({ running }) => running);
  }

  /** Cuts the host off: what runs on it runs on. */
  cut(): void {
    this.#up = false;
    for (const connection of this.#connections) connection.destroy();
    this.#connections.clear();
    this.#listeners.clear();
  }

  /** Takes its power: what ran has ended. */
  kill(): void {
    this.cut();
    for (const container of this.containers.values()) container.running = false;
  }

  /** Ends a container as an engine does that is told so, or is shut down. */
  end(name: string): void {
    for (const container of this.running.filter((each) => each.name === name)) {
      this.#tell('kill', container.id);
      container.running = false;
      this.#tell('die', container.id);
    }
  }

  /** Takes connections and requests, and does nothing about them until it is back. */
  hang(): void {
    this.#hung ??= Promise.withResolvers<void>();
  }

  back(): void {
    this.#up = true;
    this.#hung?.resolve();
    this.#hung = undefined;
  }

  #connect(): Duplex {
    if (!this.#up) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    const [ours, theirs] = duplexPair();
    for (const side of [ours, theirs]) side.on('error', () => undefined);
    this.#connections.add(theirs);
    theirs.once('close', () => ours.destroy());
    ours.once('close', () => this.#connections.delete(theirs));
    this.#server.emit('connection', theirs);
    return ours;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    await this.#hung?.promise;
    const url = new URL(request.url!, 'http://engine');
    const path = url.pathname.replace(/^\/v[0-9.]+/, '');
    const say = (status: number, body?: unknown): void => {
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(body === undefined ? '' : JSON.stringify(body));
    };
    if (path === '/events' && url.searchParams.has('until')) {
      response.end();
      return;
    }
    if (path === '/events') {
      response.writeHead(200).flushHeaders();
      this.#listeners.add(response);
      return;
    }
    if (request.method === 'PUT') {
      this.put[path + url.search] = text;
      say(204);
      return;
    }
    const [, id = ''] = /^\/containers\/([^/]+)/.exec(path) ?? [];
    const container = this.containers.get(id);
    const missing = (): void => say(404, { message: `No such container: ${id}` });
    if (path === '/volumes/create') {
      const { Name } = JSON.parse(text) as { Name: string };
      this.volumes.push(Name);
      say(201, { Name });
    } else if (path === '/containers/create') {
      this.#create(url.searchParams.get('name') ?? '', JSON.parse(text) as Record<string, unknown>, say);
    } else if (path === '/containers/json' && this.listsFail()) {
      say(500, { message: 'context deadline exceeded' });
    } else if (path === '/containers/json') {
      const ids = (JSON.parse(url.searchParams.get('filters') ?? '{}') as { id?: string[] }).id;
      const all = [...this.containers.values()].filter((each) => !ids || ids.includes(each.id));
      say(
        200,
        all.map((each) => this.#row(each)),
      );
    } else if (path.startsWith('/containers/')) {
      if (!container) missing();
      else if (request.method === 'DELETE') {
        this.containers.delete(id);
        this.removed.push(container.name);
        this.#tell('destroy', id);
        say(204);
      } else if (path.endsWith('/start') && this.startRefusals > 0) {
        this.startRefusals--;
        say(500, { message: 'driver failed programming external connectivity' });
      } else if (path.endsWith('/start')) {
        container.running = true;
        container.started = true;
        this.#tell('start', id);
        say(204);
      } else if (path.endsWith('/stop')) {
        container.running = false;
        this.#tell('die', id);
        say(204);
      } else say(200, this.#inspect(container));
    } else {
      const answers: Record<string, unknown> = {
        '/_ping': 'OK',
        '/version': { Version: '28.0.0', ApiVersion: '1.48', MinAPIVersion: '1.24' },
        '/info': {
          ...{
            ID: this.name.toUpperCase(),
            Name: this.name,
            NCPU: 4,
            MemTotal: 8e9,
            Labels: [],
            Driver: 'overlay2',
          },
          ...{ KernelVersion: '6', OperatingSystem: 'Simulated', OSType: 'linux', ServerVersion: '28.0.0' },
        },
        '/images/json': this.images.map((tag) => ({
          Id: `sha256:${tag}`,
          RepoTags: [tag],
          Created: 1,
          Size: 4_000_000,
          ParentId: '',
        })),
        '/networks': [],
        '/volumes': { Volumes: this.volumes.map((Name) => ({ Name, Driver: 'local', Labels: null })) },
        ...this.answers,
      };
      say(path in answers ? 200 : 404, answers[path] ?? { message: 'page not found' });
    }
  }

  #create(name: string, body: Record<string, unknown>, say: (status: number, body: unknown) => void): void {
    if (this.refusals > 0) {
      this.refusals--;
      say(500, { message: 'no space left on device' });
      return;
    }
    if (!this.images.includes(`${String(body.Image)}:latest`)) {
      say(404, { message: `No such image: ${String(body.Image)}:latest` });
      return;
    }
    if ([...this.containers.values()].some((each) => each.name === name)) {
      say(409, { message: `Conflict. The container name "/${name}" is already in use` });
      return;
    }
    const id = randomBytes(32).toString('hex');
    this.containers.set(id, { id, name: name || id, body, running: false, started: false, created: clock++ });
    this.#tell('create', id);
    say(201, { Id: id, Warnings: [] });
  }

  #tell(Action: string, ID: string): void {
    if (this.losesEvent()) return;
    const time = Date.now();
    const event = {
      Type: 'container',
      Action,
      Actor: { ID, Attributes: {} },
      time: Math.floor(time / 1000),
      timeNano: time,
    };
    for (const listener of this.#listeners) listener.write(`${JSON.stringify(event)}\n`);
  }

  #row({ id, name, body, running, started, created }: SimulatedContainer): object {
    return {
      ...{
        Id: id,
        Names: [`/${name}`],
        Image: body.Image,
        ImageID: 'sha256:1',
        Command: 'sh',
        Created: created,
      },
      ...{
        Ports: running ? boundPorts(body) : [],
        Labels: body.Labels ?? {},
        State: running ? 'running' : started ? 'exited' : 'created',
        Status: 'x',
      },
    };
  }

  #inspect({ id, name, body, running, started }: SimulatedContainer): object {
    const { HostConfig = {}, ...Config } = body;
    return {
      ...{ Id: id, Name: `/${name}`, Created: now(), Image: 'sha256:1', HostConfig, NetworkSettings: {} },
      Config: { Labels: {}, ...Config },
      State: {
        ...{ Status: running ? 'running' : started ? 'exited' : 'created', Running: running },
        ...{ Paused: false, Restarting: false, Dead: false, ExitCode: 0 },
        ...{ StartedAt: started ? now() : ZERO, FinishedAt: started && !running ? now() : ZERO },
      },
    };
  }
}
