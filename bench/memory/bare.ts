/**
 * What is left of a worker's daemon when nothing is its own: a Node that has a connection to a manager over HTTP/2 and TLS, and
 * serves HTTP on a unix socket.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { type Memory, memoryOf } from './resident.ts';

const REQUESTS = 20;
/** Plain JavaScript: to strip types Node takes memory of its own. */
const BARE = `
  const { createServer, get } = require('node:http');
  const { connect } = require('node:http2');
  const [, origin, ca, socket] = process.argv;
  const done = (stream) => new Promise((resolve) => stream.resume().once('end', resolve));
  const connection = connect(origin, { ca: require('node:fs').readFileSync(ca) });
  createServer((_, response) => response.end('well')).listen(socket, async () => {
    for (let i = 0; i < ${REQUESTS}; i++) {
      await done(connection.request({ ':path': '/' }));
      await new Promise((resolve) => get({ socketPath: socket }, (answer) => resolve(done(answer))));
    }
    gc();
    console.log('idle');
  });
`;

/** @param flags Node's, as a daemon has them; @param idleMs how long it has nothing to do before it is looked at */
export async function bareNode(flags: readonly string[], idleMs: number): Promise<Memory> {
  const folder = mkdtempSync(join(tmpdir(), 'essaim-bare-'));
  const [key, cert, socket] = ['key.pem', 'cert.pem', 'sock'].map((name) => join(folder, name));
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', ...kind, '-subj', '/CN=localhost', '-keyout', key!, '-out', cert!], {
    stdio: 'ignore',
  });
  const server = createSecureServer({ key: readFileSync(key!), cert: readFileSync(cert!) });
  server.on('request', (_, response) => response.end('well')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `https://localhost:${(server.address() as AddressInfo).port}`;
  const child = spawn(process.execPath, [...flags, '-e', BARE, origin, cert!, socket!]);
  try {
    await once(createInterface({ input: child.stdout }), 'line');
    await wait(idleMs);
    return memoryOf(child.pid!);
  } finally {
    child.kill('SIGKILL');
    server.close();
    rmSync(folder, { recursive: true });
  }
}
