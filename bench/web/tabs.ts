/** Open tabs without a browser: what a page subscribes to, over its live socket; and what a poller asks for instead. */
import { Agent, request } from 'node:https';
import { WebSocket } from 'ws';

/** What the pages subscribe to: an overview, a list of services, a list of tasks, a service. */
const PAGES = [
  ['services', 'nodes', 'stacks', 'networks', 'audit'],
  ['services'],
  ['tasks'],
  ['services', 'tasks?service=service1'],
];

export interface Traffic {
  bytes: number;
  messages: number;
}

/** Opens so many; what they are sent is counted. */
export async function openTabs(
  count: number,
  { host, token }: { host: string; token: string },
): Promise<{ traffic: Traffic; close: () => void }> {
  const traffic: Traffic = { bytes: 0, messages: 0 };
  const sockets = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const socket = new WebSocket(`wss://${host}/essaim/live`, {
        headers: { authorization: `Bearer ${token}` },
        rejectUnauthorized: false,
      });
      await new Promise((resolve, reject) => {
        socket.once('open', resolve);
        socket.once('error', reject);
      });
      socket.on('message', (data: Buffer) => {
        traffic.bytes += data.length;
        traffic.messages++;
      });
      for (const channel of PAGES[index % PAGES.length]!)
        socket.send(JSON.stringify({ op: 'open', channel }));
      return socket;
    }),
  );
  return {
    traffic,
    close() {
      for (const socket of sockets) socket.terminate();
    },
  };
}

/** The same pages as pollers have them: whole lists, again and again. */
const POLLED = [
  ['/services?status=true', '/nodes', '/tasks', '/networks'],
  ['/services?status=true', '/tasks'],
  ['/tasks', '/services'],
  ['/services/service1', `/tasks?filters=${encodeURIComponent('{"service":["service1"]}')}`],
];

/** So many tabs that ask each `every` ms, until the signal. */
export async function poll(
  count: number,
  every: number,
  { host, token }: { host: string; token: string },
  signal: AbortSignal,
): Promise<Traffic> {
  const traffic: Traffic = { bytes: 0, messages: 0 };
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false });
  const ask = (path: string): Promise<void> =>
    new Promise((resolve) => {
      const asked = request(`https://${host}${path}`, {
        agent,
        signal,
        headers: { authorization: `Bearer ${token}` },
      });
      asked.once('error', () => resolve());
      asked.once('response', (answer) => {
        answer.on('data', (chunk: Buffer) => {
          traffic.bytes += chunk.length;
        });
        answer.once('error', () => resolve());
        answer.once('end', () => {
          traffic.messages++;
          resolve();
        });
      });
      asked.end();
    });
  await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      await pause((every * index) / count, signal);
      while (!signal.aborted) {
        const due = performance.now() + every;
        for (const path of POLLED[index % POLLED.length]!) await ask(path);
        await pause(due - performance.now(), signal);
      }
    }),
  );
  agent.destroy();
  return traffic;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
