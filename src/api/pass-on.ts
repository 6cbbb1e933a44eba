/** What only the leader may do is asked of it by the manager that was asked, however often the leader changes meanwhile. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import { readAll } from '../engine/client.ts';
import { ApiError, messageOf, noLeader } from '../model/errors.ts';
import { request as httpRequest } from '../node/http.ts';
import { NotLeadingError } from '../store/store-error.ts';
import type { ManagerFace } from './contract.ts';
import { until } from './merged/until.ts';
import type { ApiRequest } from './router.ts';

/** How long (ms) it may take until there is a leader that takes the request, and until its answer is seen here. */
const PATIENCE = 5_000;
const CATCH_UP = 5_000;
/** How often (ms) a leader is asked again that is said to lead and says that it does not. */
const PAUSE = 100;

/** Sent with a request that is passed on: what was learned of this host for it, JSON; or nothing. */
const PASSED_ON = 'essaim-passed-on';
/** Sent with the leader's answer: its revision then. */
export const REVISION = 'essaim-revision';
/** A manager that does not lead says so with this status, having done nothing. */
export const MISDIRECTED = 421;

/** What a manager has learned of its own host before it passes a request on. */
export interface Learned {
  /** To be sent in place of the request's body. */
  body: unknown;
  known: object;
}

/** This manager does not lead: the request is for the leader, with what was learned here. */
export class PassOn extends NotLeadingError {
  readonly learned: Learned;
  constructor(learned: Learned) {
    super();
    this.learned = learned;
  }
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/**
 * The leader's answer, once this manager's view shows what it has changed; undefined: this manager itself leads by now.
 * @throws ApiError 503 if there is no leader, or if it was lost before it answered
 */
export async function askLeader(
  manager: ManagerFace,
  request: ApiRequest,
  learned?: Learned,
): Promise<Answer | undefined> {
  const { leader, store } = manager;
  const body = learned ? Buffer.from(JSON.stringify(learned.body)) : await request.bytes();
  const known = learned && JSON.stringify(learned.known);
  const deadline = performance.now() + PATIENCE;
  for (;;) {
    if (leader.isHere()) return undefined;
    const connection = await leader.connect().catch(() => undefined);
    const answer = connection && (await send(connection, request, body, known));
    if (answer && answer.status !== MISDIRECTED) {
      const revision = Number(answer.headers[REVISION] ?? 0);
      await until(store, CATCH_UP, () => store.view.revision >= revision);
      return answer;
    }
    if (performance.now() > deadline) throw noLeader();
    await leader.changed(PAUSE);
    request.signal.throwIfAborted();
  }
}

/** Whether another manager was asked first, which has done what its own host can do. */
export function isPassedOn({ headers }: ApiRequest): boolean {
  return headers[PASSED_ON] !== undefined;
}

/** What the manager that was asked first has learned, if it has passed this request on with that. */
export function learnedBefore<T>({ headers }: ApiRequest): T | undefined {
  const known = headers[PASSED_ON];
  return typeof known === 'string' && known !== '' ? (JSON.parse(known) as T) : undefined;
}

function send(
  connection: Duplex,
  request: ApiRequest,
  body: Buffer,
  known: string | undefined,
): Promise<Answer> {
  const path = `/v${request.apiVersion}${request.path.split('/').map(encodeURIComponent).join('/')}`;
  const query = String(request.query);
  const {
    connection: _connection,
    'transfer-encoding': _encoding,
    expect: _expect,
    ...headers
  } = request.headers;
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const asked = httpRequest({
    createConnection: () => connection,
    method: request.method,
    path: query === '' ? path : `${path}?${query}`,
    headers: { host: 'docker', ...headers, 'content-length': body.length, [PASSED_ON]: known ?? '' },
  });
  const lost = (error: Error): void => {
    const what = 'the change that was asked for may have been made or not: look before you try again';
    reject(new ApiError(503, `the leader was lost before it answered (${messageOf(error)}); ${what}`));
  };
  asked.on('error', lost);
  asked.once('response', (response) => {
    readAll(response).then(
      (content) => resolve({ status: response.statusCode!, headers: response.headers, body: content }),
      lost,
    );
  });
  asked.end(body);
  return promise.finally(() => connection.destroy());
}
