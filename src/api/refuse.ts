/** Refusals that are not about what an API call means: bad targets, what is not HTTP, connections that HTTP has left. */
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { STATUS_CODES } from '../node/http.ts';
import type { BadTarget } from './target.ts';

export function answerBadTarget(response: ServerResponse, target: BadTarget): void {
  if (typeof target === 'object') {
    response.writeHead(301, { Location: target.moved, 'Content-Length': 0 });
    response.end();
    return;
  }
  const text = '400 Bad Request';
  response.writeHead(400, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': text.length,
    Connection: 'close',
  });
  response.end(text);
}

/** What is not HTTP, or has larger headers than are read. */
export function refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400;
  refuseRaw(socket, status, 'text/plain; charset=utf-8', `${status} ${STATUS_CODES[status]}`);
}

/** Answers without HTTP's help, and closes. */
export function refuseRaw(socket: Duplex, status: number, type: string, body: string): void {
  if (socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}
