import type { ClientHttp2Stream } from 'node:http2';
import { StringDecoder } from 'node:string_decoder';
import { ApiError } from '../model/errors.ts';
import type { DownMessage } from '../model/protocol.ts';

/** So many unread messages stop the reading; tunnels are then not opened either. */
const MAX_UNREAD = 1000;

/**
 * The messages of a session. They are parsed as they come, so that what the link answers by itself does not wait for an
 * agent that is busy with an earlier one; the rest queues for the one who iterates.
 */
export class Inbox implements AsyncIterable<DownMessage> {
  readonly #stream: ClientHttp2Stream;
  readonly #decoder = new StringDecoder('utf8');
  readonly #queue: DownMessage[] = [];
  #rest: string[] = [];
  #wake: () => void = () => {};
  #handle: (message: DownMessage) => boolean = () => true;
  #onData: () => void = () => {};
  #ended = false;
  #error: Error | undefined;

  constructor(stream: ClientHttp2Stream) {
    this.#stream = stream;
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    stream.on('error', (error) => this.fail(new ApiError(503, `the session broke: ${error.message}`)));
    stream.on('end', () => this.#end());
    stream.on('close', () => this.#end());
  }

  onData(listener: () => void): void {
    this.#onData = listener;
  }

  /** The message that every session begins with. Throws if the session ends before. */
  async first(): Promise<DownMessage> {
    const message = await this.#next();
    if (message === undefined) throw new ApiError(503, 'the manager ended the session at once');
    return message;
  }

  /** Shows every message to `handle`, which says whether it is for the agent; `hello` comes first for both. */
  start(hello: DownMessage, handle: (message: DownMessage) => boolean): void {
    const early = this.#queue.splice(0);
    this.#handle = handle;
    this.#queue.push(hello);
    for (const message of early) this.#add(message);
  }

  fail(error: Error): void {
    this.#error ??= this.#ended ? undefined : error;
    this.#end();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<DownMessage> {
    try {
      for (let message = await this.#next(); message; message = await this.#next()) yield message;
    } finally {
      this.#stream.session?.destroy();
    }
  }

  async #next(): Promise<DownMessage | undefined> {
    for (;;) {
      const message = this.#queue.shift();
      if (this.#queue.length < MAX_UNREAD && this.#stream.isPaused()) this.#stream.resume();
      if (message) return message;
      if (this.#error) throw this.#error;
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #take(chunk: Buffer): void {
    this.#onData();
    const [head = '', ...tail] = this.#decoder.write(chunk).split('\n');
    this.#rest.push(head);
    for (const line of tail) {
      this.#parse(this.#rest.join(''));
      this.#rest = [line];
    }
    if (this.#queue.length >= MAX_UNREAD) this.#stream.pause();
  }

  #parse(line: string): void {
    try {
      this.#add(JSON.parse(line) as DownMessage);
    } catch (error) {
      this.fail(new ApiError(502, `the manager sent what is no message: ${(error as Error).message}`));
      this.#stream.destroy();
    }
  }

  #add(message: DownMessage): void {
    if (!this.#handle(message)) return;
    this.#queue.push(message);
    this.#wake();
  }

  #end(): void {
    this.#ended = true;
    this.#wake();
  }
}
