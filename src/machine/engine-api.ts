import { createReadStream } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { createInterface } from 'node:readline';
import { MachineError } from './driver.ts';

/** Time after which a local engine counts as not answering, in ms. */
const ANSWER_TIMEOUT = 3_000;

function get(socketPath: string, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, timeout: ANSWER_TIMEOUT }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('error', reject).on('end', () => resolve({ status: response.statusCode!, body }));
    });
    asked.on('timeout', () => asked.destroy(new MachineError(`${socketPath} does not answer`)));
    asked.on('error', reject).end();
  });
}

/** Whether somebody serves a Docker API on the unix socket, also if that has no engine at present. */
export function serves(socketPath: string): Promise<boolean> {
  return get(socketPath, '/_ping').then(
    () => true,
    () => false,
  );
}

/** Whether a Docker API answers on the unix socket. */
export async function ping(socketPath: string): Promise<boolean> {
  return get(socketPath, '/_ping').then(
    ({ status }) => status === 200,
    () => false,
  );
}

/** Version of the Docker Engine behind the unix socket, e.g. "20.10.24". */
export async function engineVersion(socketPath: string): Promise<string> {
  const { status, body } = await get(socketPath, '/version');
  if (status !== 200) throw new MachineError(`GET /version on ${socketPath}: ${status} ${body}`);
  const { Version } = JSON.parse(body) as { Version?: string };
  return Version ?? 'unknown';
}

/**
 * Puts the images of a tar file (as `docker save` writes it) on the engine behind the unix socket.
 * Returns the names it has loaded; throws the engine's own error.
 */
export async function loadImages(socketPath: string, tarFile: string): Promise<string[]> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { 'content-type': 'application/x-tar' };
    const post = request({ socketPath, path: '/images/load?quiet=1', method: 'POST', headers }, resolve);
    post.on('error', reject);
    createReadStream(tarFile)
      .on('error', (error) => post.destroy(error))
      .pipe(post);
  });
  const loaded: string[] = [];
  for await (const line of createInterface({ input: response })) {
    if (line.trim() === '') continue;
    const { stream, error, message } = JSON.parse(line) as {
      stream?: string;
      error?: string;
      message?: string;
    };
    if (error || message) throw new MachineError(`The engine refuses ${tarFile}: ${error ?? message}`);
    const name = /^Loaded image(?: ID)?: (.*)/.exec(stream ?? '')?.[1];
    if (name) loaded.push(name);
  }
  if (loaded.length === 0) throw new MachineError(`${tarFile} holds no image: make it with "docker save".`);
  return loaded;
}
