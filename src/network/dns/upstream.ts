/** One question to one other server: a socket of its own, so that its port and the id are hard to guess. */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { frame, frames } from './frames.ts';
import { answers, type Query, withId } from './message.ts';

export interface Attempt {
  server: string;
  port: number;
  query: Query;
  /** Called once, unless it was cancelled before. */
  answered(answer: Buffer): void;
  /** Called at most once, instead: nobody serves there. */
  failed(): void;
}

/** Asks with one datagram; the returned function ends the attempt. */
export function askByDatagram({ server, port, query, answered, failed }: Attempt): () => void {
  const family = isIPv6(server.replace(/%.*/, '')) ? 6 : 4;
  const id = randomInt(0x10000);
  const socket = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    // It is an address already.
    lookup: (host, _options, done) => done(null, host, family),
  });
  let open = true;
  const end = (): void => {
    if (open) socket.close();
    open = false;
  };
  const fail = (): void => {
    if (!open) return;
    end();
    failed();
  };
  socket.on('error', fail);
  socket.on('message', (message) => {
    // Anybody can send us something: what is no answer to this question is as if it had not come.
    if (!open || !answers(message, query, id)) return;
    end();
    answered(message);
  });
  socket.connect(port, server, () => {
    if (open) socket.send(withId(query.packet, id), (error) => error && fail());
  });
  return end;
}

/** Asks over a connection; the returned function ends the attempt. */
export function askByConnection({ server, port, query, answered, failed }: Attempt): () => void {
  const id = randomInt(0x10000);
  const socket = connect({ host: server, port });
  let open = true;
  const end = (): void => {
    open = false;
    socket.destroy();
  };
  const fail = (): void => {
    if (!open) return;
    end();
    failed();
  };
  const read = async (): Promise<void> => {
    for await (const message of frames(socket)) {
      if (!open || !answers(message, query, id)) continue;
      end();
      answered(message);
      return;
    }
    fail();
  };
  socket.write(frame(withId(query.packet, id)));
  read().catch(fail);
  return end;
}
