/**
 * Writes that come over the daemon's own socket, or its port with certificates, for the audit: whoever may use those is
 * root and has no account. What comes over the port of the web interface is written down there, with who it was.
 */
import { Router } from '../api/router.ts';
import type { Written } from '../api/server.ts';
import type { Clock } from '../model/clock.ts';
import { GRANTS, type Grant } from './grants.ts';
import { ADDRESS, PART } from './routes.ts';

/** They are told together at most so often, ms, and so many at a time. */
const PACE = 250;
const MOST = 500;
/** While they cannot be told no more are kept than these: the oldest go. */
const KEPT = 10_000;

export interface Entry {
  actor: string;
  via: string;
  address: string;
  method: string;
  path: string;
  /** The id of what was made. */
  made?: string;
  status: number;
}

interface Options {
  clock: Clock;
  /** Whether this host is a manager now: others have nowhere to write to. */
  isManager: () => boolean;
  /** The name of this host. */
  host: string;
  tell: (entries: Entry[]) => Promise<unknown>;
}

export class SocketAudit {
  readonly #options: Options;
  readonly #routes = new Router<Grant>();
  #waiting: Entry[] = [];
  #isTelling = false;

  constructor(options: Options) {
    this.#options = options;
    for (const grant of GRANTS) this.#routes.on(grant.method, grant.path, grant);
  }

  /** Notes a write that was answered. */
  note({ method, path, status, headers, isLocal, address, made }: Written): void {
    const { host, isManager } = this.#options;
    if (method === 'GET' || method === 'HEAD' || !isManager()) return;
    // What the port of the web interface asks, and what belongs to something that is written down as a whole.
    if (headers[ADDRESS] !== undefined || headers[PART] !== undefined) return;
    const grant = this.#routes.match(method, path)?.handler;
    if (grant && (grant.reads || grant.lasting || grant.right === 'console' || isOwn(grant))) return;
    this.#waiting.push({
      ...{ actor: 'root', via: isLocal ? 'socket' : 'certificate', method, path, status },
      ...(made && { made }),
      address: isLocal ? host : address,
    });
    if (this.#waiting.length > KEPT) this.#waiting.shift();
    this.#later();
  }

  /** What is not told yet; at the end of the daemon. */
  async flush(): Promise<void> {
    const entries = this.#waiting.splice(0, MOST);
    if (entries.length === 0) return;
    try {
      await this.#options.tell(entries);
    } catch {
      // Without a leader there is nobody to tell: again with the next ones.
      this.#waiting.unshift(...entries);
    }
  }

  #later(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    this.#options.clock.timer(PACE, () => {
      void this.flush().then(() => {
        this.#isTelling = false;
        if (this.#waiting.length > 0) this.#later();
      });
    });
  }
}

/** What daemons tell each other. */
function isOwn({ right, path }: Grant): boolean {
  return right === 'socket' && /^\/essaim\/(audit$|seen$|host\/)/.test(path);
}
