/** Requests to the manager that has served this page. */

/** What the API says of a request that it refuses. */
export class RequestError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = 'RequestError';
    this.status = status;
  }
}

/** The answer's JSON, or text where it is none; undefined if it is empty. @throws RequestError */
export async function call<T = unknown>(method: string, path: string, body?: unknown): Promise<T> {
  const isFile = body instanceof Blob;
  const type = isFile ? 'application/octet-stream' : 'application/json';
  const answer = await fetch(path, {
    method,
    headers: body === undefined ? {} : { 'content-type': type },
    body: isFile || body === undefined ? body : JSON.stringify(body),
    // The manager may be away for a moment: never what was there before.
    cache: 'no-store',
  }).catch(() => {
    throw new RequestError(0, 'the manager does not answer: the connection is gone');
  });
  const text = await answer.text();
  const value = parsed(text);
  if (answer.ok) return value as T;
  const message = (value as { message?: string } | undefined)?.message ?? (text || `status ${answer.status}`);
  if (answer.status === 401 && path !== '/essaim/session') signedOut();
  throw new RequestError(answer.status, message);
}

export const get = <T>(path: string): Promise<T> => call<T>('GET', path);
export const post = <T = unknown>(path: string, body: unknown = {}): Promise<T> =>
  call<T>('POST', path, body);
/** What is in a file, as it is. */
export const put = (path: string, file: Blob): Promise<unknown> => call('PUT', path, file);
export const remove = (path: string): Promise<unknown> => call('DELETE', path);

function parsed(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

let signedOut = (): void => {};
/** Calls `listener` when the manager says that nobody is signed in any more. */
export function onSignedOut(listener: () => void): void {
  signedOut = listener;
}
