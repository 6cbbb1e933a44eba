/**
 * Visitors that come at a rate, whatever becomes of those before them: visitors.ts RATE URL…
 * Says at SIGTERM how many there were, how many had no answer, how many of these had come after SIGUSR2, how many containers have
 * answered, in how many seconds, and why not.
 */
import { get } from 'node:http';

const [rate, ...urls] = process.argv.slice(2);
const PATIENCE = 30_000;
const failures = new Map<string, number>();
const containers = new Set<string>();
let visits = 0;
let answered = 0;
let failedSince = 0;
let since = Number.POSITIVE_INFINITY;
let over = false;
const open = new Set<Promise<void>>();

function visit(url: string): Promise<void> {
  visits++;
  const came = performance.now();
  const { promise, resolve } = Promise.withResolvers<void>();
  const failed = (why: string): void => {
    const text = `${new URL(url).port}: ${why}`;
    failures.set(text, (failures.get(text) ?? 0) + 1);
    if (came > since) failedSince++;
    resolve();
  };
  const request = get(url, { agent: false, timeout: PATIENCE }, (response) => {
    let text = '';
    response.on('data', (chunk) => {
      text += String(chunk);
    });
    response.on('end', () => {
      const [, container] = /answered by (\S+)/.exec(text) ?? [];
      if (response.statusCode !== 200 || !container) return failed(`${response.statusCode} ${text.slice(0, 60).trim()}`);
      answered++;
      containers.add(container);
      resolve();
    });
  });
  request.on('timeout', () => request.destroy(new Error('no answer in time')));
  request.on('error', (error: NodeJS.ErrnoException) => failed(error.code ?? error.message));
  return promise;
}

const begun = performance.now();
let sent = 0;
const timer = setInterval(() => {
  const due = Math.floor(((performance.now() - begun) / 1000) * Number(rate));
  for (; sent < due && !over; sent++) {
    const done = visit(urls[sent % urls.length]!).finally(() => open.delete(done));
    open.add(done);
  }
}, 5);
// Whoever started it may have ended otherwise.
setTimeout(() => process.exit(1), 600_000).unref();

process.once('SIGUSR2', () => {
  since = performance.now();
});
process.once('SIGTERM', async () => {
  over = true;
  clearInterval(timer);
  await Promise.all(open);
  const seconds = Math.round((performance.now() - begun) / 1000);
  const why = [...failures].map(([text, count]) => `${count}× ${text}`).join('; ');
  process.stdout.write(`${visits} ${visits - answered} ${failedSince} ${containers.size} ${seconds} ${why}\n`);
});
