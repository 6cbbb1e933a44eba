import { createHash } from 'node:crypto';
import { connect, createServer, type Server } from 'node:net';

/** Runs `work` while no other process on this machine holds the lock of that name. */
export async function withLock<T>(name: string, work: () => Promise<T>): Promise<T> {
  await using _held = await takeLock(name);
  return await work();
}

/**
 * Waits for the lock of that name; it is free again when the result is disposed of.
 * It is an abstract unix socket: the kernel frees it when its holder dies, however it dies.
 */
export async function takeLock(name: string): Promise<AsyncDisposable> {
  const address = `\0essaim-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
  const server = await acquire(address);
  return { [Symbol.asyncDispose]: () => release(server) };
}

async function acquire(address: string): Promise<Server> {
  for (;;) {
    const server = await listen(address);
    if (server) return server;
    await untilClosed(address);
  }
}

const waiters = new WeakMap<Server, Set<() => void>>();

function listen(address: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const open = new Set<() => void>();
    const server = createServer((socket) => {
      const close = (): void => void socket.destroy();
      open.add(close);
      socket.on('error', close).on('close', () => open.delete(close));
    });
    waiters.set(server, open);
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen({ path: address }, () => resolve(server));
  });
}

/** Resolves when the holder is gone: it keeps our connection open for as long as it holds the lock. */
function untilClosed(address: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(address);
    socket.on('error', () => resolve()).on('close', () => resolve());
    socket.resume();
  });
}

function release(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const close of waiters.get(server) ?? []) close();
  });
}
