import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { request as httpRequest } from '../node/http.ts';
import { request as httpsRequest } from '../node/https.ts';
import { type Endpoint, MachineError } from './driver.ts';

/** Time after which an API counts as not answering, in ms. */
const ANSWER_TIMEOUT = 3_000;

/** As DOCKER_HOST has it. */
export function endpointUrl(endpoint: Endpoint): string {
  if ('socket' in endpoint) return `unix://${endpoint.socket}`;
  const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host;
  return `tcp://${host}:${endpoint.port}`;
}

/** Begins a request; over TCP with the client's certificate, and with no other server than the authority's. */
async function begin(endpoint: Endpoint, options: RequestOptions): Promise<ClientRequest> {
  if ('socket' in endpoint) return httpRequest({ ...options, socketPath: endpoint.socket });
  const { host, port, certificates } = endpoint;
  const [ca, cert, key] = await Promise.all(
    ['ca.pem', 'cert.pem', 'key.pem'].map((name) => readFile(join(certificates, name), 'utf8')),
  );
  return httpsRequest({ ...options, host, port, ca, cert, key, agent: false });
}

async function ask(
  endpoint: Endpoint,
  options: RequestOptions,
  body?: string,
): Promise<{ status: number; body: string }> {
  const asked = await begin(endpoint, { timeout: ANSWER_TIMEOUT, ...options });
  return new Promise((resolve, reject) => {
    asked.on('response', (response: IncomingMessage) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', reject).on('end', () => resolve({ status: response.statusCode!, body: text }));
    });
    asked.on('timeout', () => asked.destroy(new MachineError(`${endpointUrl(endpoint)} does not answer`)));
    asked.on('error', reject).end(body);
  });
}

/** Whether somebody serves a Docker API there, also if that has no engine at present. */
export function serves(endpoint: Endpoint): Promise<boolean> {
  return ask(endpoint, { path: '/_ping' }).then(
    () => true,
    () => false,
  );
}

/** Whether a Docker API answers there. */
export async function ping(endpoint: Endpoint): Promise<boolean> {
  return ask(endpoint, { path: '/_ping' }).then(
    ({ status }) => status === 200,
    () => false,
  );
}

/** Version of the Docker Engine there, e.g. "20.10.24". */
export async function engineVersion(endpoint: Endpoint): Promise<string> {
  const { Version } = await callApi<{ Version?: string }>(endpoint, 'GET', '/version');
  return Version ?? 'unknown';
}

/** A call of the Docker API. @throws MachineError with the API's own words, or why it cannot be asked */
export async function callApi<T>(
  endpoint: Endpoint,
  method: string,
  path: string,
  body?: unknown,
  timeout = ANSWER_TIMEOUT,
): Promise<T> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers =
    text === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  const answer = await ask(endpoint, { method, path, headers, timeout }, text).catch((error: Error) => {
    if (error instanceof MachineError) throw error;
    throw new MachineError(`${endpointUrl(endpoint)} cannot be asked: ${error.message}`, { cause: error });
  });
  if (answer.status >= 300) throw new MachineError(messageIn(answer.body));
  return (answer.body === '' ? undefined : JSON.parse(answer.body)) as T;
}

function messageIn(body: string): string {
  try {
    return (JSON.parse(body) as { message?: string }).message ?? body;
  } catch {
    return body;
  }
}

/**
 * Puts the images of a tar file (as `docker save` writes it) on an engine.
 * Returns the names it has loaded; throws the engine's own error.
 */
export async function loadImages(endpoint: Endpoint, tarFile: string): Promise<string[]> {
  const headers = { 'content-type': 'application/x-tar' };
  const post = await begin(endpoint, { path: '/images/load?quiet=1', method: 'POST', headers });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    post.on('response', resolve).on('error', reject);
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
