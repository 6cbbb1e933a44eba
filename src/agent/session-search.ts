/** How a session with the manager that leads is begun, and how another one is found that leads. */
import type { ClientHttp2Session } from 'node:http2';
import { clockWarning } from '../identity/clocks.ts';
import type { NodeIdentity } from '../identity/node-identity.ts';
import { ApiError } from '../model/errors.ts';
import type {
  DownMessage,
  HostDescription,
  LeaderAnswer,
  ManagerAddress,
  SessionRequest,
} from '../model/protocol.ts';
import type { StateTold } from './earlier-state.ts';
import { Inbox } from './inbox.ts';
import { findLeader } from './leader.ts';
import { call, connectAs, managerAt, NotLeadingError, refusal, request, responseTo, textOf } from './wire.ts';

const EARLIER =
  'this manager has the state of before the swarm had several (was its folder put back from a copy?): let it leave, and join again';
/** How long (ms) a manager may take to begin a session. */
const OPEN_TIMEOUT = 10_000;
/** The most time (ms) between two questions to one manager whether it leads. */
const PACE_SILENT = 400;

export interface Known {
  identity: NodeIdentity;
  /** Addresses of managers, host:port, best first. */
  managers(): string[];
  /** A manager that does not lead has said which ones there are. */
  learned(managers: ManagerAddress[]): void;
  /** Whether a session is from the state of a time that is over. */
  isEarlier(hello: StateTold): boolean;
}

/** What a session begins with. */
export interface Beginning {
  inbox: Inbox;
  hello: DownMessage & { type: 'session' };
  description: HostDescription;
  /** What is to be said of this host's clock beside the manager's. */
  clocks: string | undefined;
}

/** Rejects as a manager that does not lead does, if its state is that of a time that is over. */
export async function beginSession(
  { identity, isEarlier }: Known,
  connection: ClientHttp2Session,
  sessionRequest: SessionRequest,
): Promise<Beginning> {
  const description = { ...sessionRequest.description, TLSInfo: identity.tlsInfo() };
  const stream = request(connection, 'POST', '/session', { ...sessionRequest, description });
  const late = new ApiError(503, `the manager did not begin a session within ${OPEN_TIMEOUT / 1000} s`);
  const timer = setTimeout(() => stream.destroy(late), OPEN_TIMEOUT);
  try {
    const { ':status': status = 500, date } = await responseTo(stream);
    const clocks = clockWarning(date, Date.now());
    if (status !== 200) throw refusal(status, await textOf(stream));
    const inbox = new Inbox(stream);
    const hello = await inbox.first();
    if (hello.type !== 'session')
      throw new ApiError(502, `the manager began its session with "${hello.type}"`);
    if (isEarlier(hello)) throw new NotLeadingError(503, { message: EARLIER, managers: [] });
    return { inbox, hello, description, clocks };
  } catch (error) {
    stream.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The address of another manager than the one at the other end of that connection that says that it leads itself:
 * nobody else's word counts. Rejects if none of them can be reached.
 */
export async function findAnother(
  options: Known,
  current: ClientHttp2Session,
  signal: AbortSignal,
): Promise<string> {
  const present = managerAt(current);
  const { address, connection } = await findLeader({
    addresses: options.managers(),
    connect: (to, over) => connectAs(options.identity, to, over),
    async ask(manager) {
      const { leader, managers } = (await call(manager, 'GET', '/leader')) as LeaderAnswer;
      const id = managerAt(manager);
      if (id !== present && leader?.NodeID === id) return;
      const message = 'this manager does not lead the swarm';
      throw new NotLeadingError(503, { message, managers, ...(leader && { leader: leader.Addr }) });
    },
    patience: Number.POSITIVE_INFINITY,
    pace: PACE_SILENT,
    learned: (managers) => options.learned(managers),
    signal,
  });
  connection.destroy();
  return address;
}
