/**
 * One session between an agent and the manager, over a connection that delays what is said, holds it back while the link
 * is cut, and breaks. What goes down keeps its order, as in a stream; requests up overtake each other, as on several
 * streams of one connection.
 */
import type { ManagerSession } from '../../src/agent/contract.ts';
import type { AgentSession, Sessions } from '../../src/manager/contract.ts';
import type { DownMessage, SessionRequest } from '../../src/model/protocol.ts';
import type { Network } from './network.ts';
import type { Process } from './process.ts';

/** How long (ms) an agent puts up with a manager from which nothing comes, and waits for an answer. The wire's own limits. */
const AGENT_PATIENCE = 15_000;
const ANSWER_TIMEOUT = 20_000;
/** After so long (ms) it asks other managers whether they lead. */
const AGENT_QUIET = 2_000;

/** One host as the network sees it. */
export interface Endpoint {
  nodeId: string;
  addr: string;
  /** The host has power. */
  powered: boolean;
}

export interface Manager {
  /** Of the host that it runs on. */
  nodeId: string;
  process: Process;
  /** Undefined: it does not lead, and takes no sessions. */
  readonly sessions: Sessions | undefined;
}

export class Connection implements AgentSession {
  readonly id: string;
  readonly nodeId: string;
  readonly remoteAddr: string;
  readonly #abort = new AbortController();
  readonly signal = this.#abort.signal;
  readonly #network: Network;
  readonly #endpoint: Endpoint;
  readonly manager: Manager;
  readonly sessions: Sessions;
  readonly #agent: Process;
  /** What waits for the link to be healed, in order. */
  #held: Array<() => void> = [];
  /** What is on the way down. */
  #stream: Array<() => void> = [];
  #lastDown = 0;
  #managerOpen = true;
  #agentOpen = true;
  #lastHeard: number;
  readonly #inbox: Inbox;
  readonly #pings = new Set<(error: Error) => void>();
  readonly #requests = new Set<(error: Error) => void>();
  established = false;

  constructor(
    network: Network,
    endpoint: Endpoint,
    manager: Manager & { sessions: Sessions },
    agent: Process,
    id: string,
  ) {
    this.#network = network;
    this.#endpoint = endpoint;
    this.manager = manager;
    this.sessions = manager.sessions;
    this.#agent = agent;
    this.id = id;
    this.nodeId = endpoint.nodeId;
    this.remoteAddr = endpoint.addr;
    this.#lastHeard = network.clock.now();
    this.#inbox = new Inbox(agent);
    this.#watchSilence();
  }

  /** Nothing gets through just now. */
  get isCut(): boolean {
    return this.#network.isApart(this.nodeId, this.manager.nodeId);
  }

  begin(request: SessionRequest): void {
    this.sessions.opened(this, request).then(
      () => {
        this.established = this.#managerOpen;
      },
      (error: unknown) => this.close(String(error)),
    );
  }

  agentEnd(): ManagerSession {
    return {
      messages: this.#inbox,
      report: (request) => this.#request(() => this.sessions.status(this, request)),
      describe: (description) => this.#request(() => this.sessions.describe(this, description)),
      networksApplied: (applied) => this.#request(() => this.sessions.networks(this, applied)),
      away: () => this.#request(() => this.sessions.away(this)),
      close: () => this.agentGone(false),
    };
  }

  // The manager's end.

  send(message: DownMessage): boolean {
    if (!this.#managerOpen) return false;
    const text = JSON.stringify(message);
    this.#down(() => this.#inbox.push(JSON.parse(text) as DownMessage));
    return true;
  }

  ping(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!this.#managerOpen) return reject(new Error('the session is over'));
      this.#pings.add(reject);
      this.#down(() => {
        this.#up(() => {
          this.#pings.delete(reject);
          if (this.#managerOpen) resolve();
        });
      });
    });
  }

  close(reason: string): void {
    this.#closeManagerEnd(reason);
    this.#down(() => this.#closeAgentEnd('closed by the manager'));
  }

  // What happens to it.

  /** Both ends see it break; what is on the way is lost. */
  breakDown(reason: string): void {
    this.#held = [];
    this.#stream = [];
    this.#closeManagerEnd(reason);
    this.#closeAgentEnd(reason);
  }

  managerGone(): void {
    this.#managerOpen = false;
    this.#abort.abort();
    this.#down(() => this.#closeAgentEnd('connection reset'));
  }

  agentGone(silently: boolean): void {
    if (!this.#agentOpen) return;
    this.#agentOpen = false;
    this.#inbox.end(undefined);
    this.#failRequests('the session is closed');
    if (!silently) this.#up(() => this.#closeManagerEnd('connection reset'));
  }

  /** The link is whole again: what was held back goes on. */
  flush(): void {
    for (const go of this.#held.splice(0)) go();
  }

  #closeManagerEnd(reason: string): void {
    if (!this.#managerOpen) return;
    this.#managerOpen = false;
    this.established = false;
    this.#abort.abort();
    for (const reject of this.#pings) reject(new Error('the session is over'));
    this.#pings.clear();
    this.manager.process.run(() => this.sessions.closed(this, reason));
    this.#forgetIfOver();
  }

  #closeAgentEnd(reason: string): void {
    if (!this.#agentOpen) return;
    this.#agentOpen = false;
    this.#inbox.end(new Error(reason));
    this.#failRequests(reason);
    this.#forgetIfOver();
  }

  #failRequests(reason: string): void {
    for (const reject of this.#requests) this.#agent.run(() => reject(new Error(reason)));
    this.#requests.clear();
  }

  #forgetIfOver(): void {
    if (!this.#managerOpen && !this.#agentOpen) this.#network.forget(this);
  }

  /** An agent notices by itself that nothing comes any more. */
  #watchSilence(): void {
    this.#network.clock.timer(1000, () => {
      if (!this.#agentOpen) return;
      const silent = this.#network.clock.now() - this.#lastHeard;
      if (silent > AGENT_PATIENCE) this.#closeAgentEnd('the manager is silent');
      else if (silent > AGENT_QUIET && this.#agent.alive && this.#network.hasAnother(this))
        this.#closeAgentEnd('another manager leads the swarm now');
      else this.#watchSilence();
    });
  }

  /** In a stream what is sent later is never delivered earlier. */
  #down(deliver: () => void): void {
    this.#stream.push(deliver);
    this.#deliverLater();
  }

  #deliverLater(): void {
    const { clock, random, delay } = this.#network;
    const at = Math.max(this.#lastDown, clock.now() + random.latency(delay));
    this.#lastDown = at;
    clock.timer(at - clock.now(), () => {
      if (this.isCut) {
        this.#held.push(() => this.#deliverLater());
        return;
      }
      const deliver = this.#stream.shift();
      if (!deliver || !this.#endpoint.powered) return;
      this.#lastHeard = clock.now();
      if (this.#agent.alive) this.#agent.run(deliver);
      else this.#up(() => this.#closeManagerEnd('connection reset'));
    });
  }

  #up(deliver: () => void): void {
    const { clock, random, delay } = this.#network;
    clock.timer(random.latency(delay), () => {
      if (this.isCut) this.#held.push(() => this.#up(deliver));
      else this.manager.process.run(deliver);
    });
  }

  #request(work: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!this.#agentOpen) return reject(new Error('the session is closed'));
      this.#requests.add(reject);
      this.#network.clock.timer(ANSWER_TIMEOUT, () => {
        if (this.#requests.delete(reject)) this.#agent.run(() => reject(new Error('no answer')));
      });
      const settle = (fn: () => void) =>
        this.#down(() => {
          this.#requests.delete(reject);
          if (this.#agentOpen) fn();
        });
      this.#up(() => {
        if (!this.#managerOpen) return;
        work().then(
          () => settle(resolve),
          (error: unknown) => settle(() => reject(error)),
        );
      });
    });
  }
}

/** What the agent reads, one message after the other. */
class Inbox implements AsyncIterable<DownMessage> {
  readonly #process: Process;
  readonly #messages: DownMessage[] = [];
  #over = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(process: Process) {
    this.#process = process;
  }

  push(message: DownMessage): void {
    if (this.#over) return;
    this.#messages.push(message);
    this.#wake?.();
  }

  end(error: Error | undefined): void {
    this.#over = true;
    this.#error = error;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<DownMessage> {
    for (;;) {
      const message = this.#messages.shift();
      if (message) yield message;
      else if (this.#over) {
        if (this.#error) throw this.#error;
        return;
      } else
        await new Promise<void>((resolve) => {
          this.#wake = () => this.#process.run(resolve);
        });
    }
  }
}
