/** An image on its way from one node through this manager to another. */
import type { ServerHttp2Stream } from 'node:http2';
import { finished } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { IMAGE_HEADERS } from '../../model/protocol.ts';
import type { AgentSession, ImageSource } from '../contract.ts';

/** How long (ms) nothing may move before the copy is given up and its turn goes to another one. */
const STALLED = 60_000;

/** Answers with the image. Throws what the source says; what breaks later breaks the answer. */
export async function sendImage(
  source: ImageSource,
  { nodeId, signal }: AgentSession,
  reference: string,
  to: ServerHttp2Stream,
): Promise<void> {
  const gone = new AbortController();
  const forget = finished(to, { readable: false }, () => gone.abort());
  const { build, node, size, stream } = await source.open(
    nodeId,
    reference,
    AbortSignal.any([signal, gone.signal]),
  );
  forget();
  if (to.destroyed) {
    stream.destroy();
    return;
  }
  to.respond({
    ':status': 200,
    'content-type': 'application/x-tar',
    [IMAGE_HEADERS.build]: build,
    [IMAGE_HEADERS.node]: encodeURIComponent(node),
    [IMAGE_HEADERS.size]: String(size),
  });
  const stalled = (): void => void stream.destroy(new Error(`image ${reference}: nothing moves`));
  let timer = setTimeout(stalled, STALLED);
  stream.on('data', () => {
    clearTimeout(timer);
    timer = setTimeout(stalled, STALLED);
  });
  // Whichever side breaks, the other one is told by a stream that ends too early.
  await pipeline(stream, to).catch(() => to.destroy());
  clearTimeout(timer);
}
