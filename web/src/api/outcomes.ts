/** Something that is done on several hosts: its outcomes as they come, a line of JSON for each. */
import type { HostOutcome } from '../../../src/ui/protocol.ts';
import { RequestError } from './http.ts';

/** @throws RequestError if it was refused as a whole */
export async function outcomes(
  method: string,
  path: string,
  body: unknown,
  told: (outcome: HostOutcome) => void,
): Promise<void> {
  const answer = await fetch(path, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body ?? {}),
    cache: 'no-store',
  }).catch(() => {
    throw new RequestError(0, 'the manager does not answer: the connection is gone');
  });
  if (!answer.ok || !answer.body) {
    const { message } = (await answer.json().catch(() => ({}))) as { message?: string };
    throw new RequestError(answer.status, message ?? `status ${answer.status}`);
  }
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    const lines = (rest + (value ?? '')).split('\n');
    rest = lines.pop()!;
    for (const line of lines) if (line) told(JSON.parse(line) as HostOutcome);
    if (done) return;
  }
}
