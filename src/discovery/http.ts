/** Calls of key–value stores. */
import type { IncomingMessage } from 'node:http';
import { request as httpRequest } from '../node/http.ts';
import { request as httpsRequest } from '../node/https.ts';

/** PEM texts. */
export interface StoreTls {
  ca: string;
  cert: string;
  key: string;
}

export interface Call {
  method: string;
  path: string;
  /** An object is sent as JSON, a string as a form. */
  body?: object | string;
  signal: AbortSignal;
  /** How long (ms) until the answer begins. */
  patience?: number;
}

const PATIENCE = 10_000;

/** The first of several equal hosts that answers; asked first next time. */
export class Hosts {
  #hosts: readonly string[];
  readonly #tls: StoreTls | undefined;

  constructor(hosts: readonly string[], tls: StoreTls | undefined) {
    this.#hosts = hosts;
    this.#tls = tls;
  }

  /** The answer, whatever its status; its body has to be read or destroyed. Throws when no host answers. */
  async call(call: Call): Promise<IncomingMessage> {
    let failure: unknown;
    for (const host of this.#hosts) {
      try {
        const answer = await this.#ask(host, call);
        this.#hosts = [host, ...this.#hosts.filter((other) => other !== host)];
        return answer;
      } catch (error) {
        call.signal.throwIfAborted();
        failure = new Error(`${this.#tls ? 'https' : 'http'}://${host}: ${(error as Error).message}`, {
          cause: error,
        });
      }
    }
    throw failure;
  }

  #ask(host: string, { method, path, body, signal, patience = PATIENCE }: Call): Promise<IncomingMessage> {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const type = typeof body === 'string' ? 'application/x-www-form-urlencoded' : 'application/json';
    const headers =
      text === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(text) };
    const url = new URL(path, `${this.#tls ? 'https' : 'http'}://${host}`);
    const send = this.#tls ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const request = send(url, { method, headers, signal, ...this.#tls }, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      const timer = setTimeout(() => request.destroy(new Error('no answer')), patience);
      request.on('error', (error) => {
        clearTimeout(timer);
        reject(error);
      });
      request.end(text);
    });
  }
}

export async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
