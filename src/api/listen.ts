/** Sockets that the API is served on. */
import { chmod, chown, lstat, mkdir, readFile, unlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';

/**
 * Listens on a unix socket for root and the group docker (if there is one). A socket file that nobody listens on is
 * replaced; one that somebody does throws.
 */
export async function listenUnix(server: Server, path: string): Promise<void> {
  await clearStale(path);
  await mkdir(dirname(path), { recursive: true });
  // From its first moment the socket is open to nobody else.
  const mask = process.umask(0o177);
  try {
    const listening = listen(server, { path });
    process.umask(mask);
    await listening;
  } finally {
    process.umask(mask);
  }
  const group = await groupId('docker');
  if (group !== undefined && process.getuid?.() === 0) await chown(path, 0, group);
  await chmod(path, 0o660);
}

export function listen(
  server: Server,
  where: { path: string } | { host: string; port: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function clearStale(path: string): Promise<void> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined) return;
  if (!found.isSocket())
    throw new Error(`${path} is there and is not a socket: remove it or serve elsewhere`);
  if (await isLive(path))
    throw new Error(`${path} is served by another daemon: stop that first or serve elsewhere`);
  await unlink(path);
}

function isLive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function groupId(name: string): Promise<number | undefined> {
  const groups = await readFile('/etc/group', 'utf8').catch(() => '');
  const line = groups.split('\n').find((entry) => entry.startsWith(`${name}:`));
  const id = Number(line?.split(':')[2]);
  return Number.isInteger(id) ? id : undefined;
}
