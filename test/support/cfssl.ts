/** cfssl's server as an authority for node certificates: mutual TLS, on a port of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRequest, issueCertificate, type Root } from '../../src/identity/authority.ts';
import { eventually } from './lab.ts';

const USAGES = ['digital signature', 'key encipherment', 'server auth', 'client auth'];
const CONFIG = {
  signing: {
    default: { usages: USAGES, expiry: '48h' },
    profiles: {
      CA: { usages: ['cert sign', 'crl sign'], expiry: '8760h', ca_constraint: { is_ca: true } },
    },
  },
};

export class Cfssl implements AsyncDisposable {
  readonly url: string;
  readonly #folder: string;
  readonly #child: ChildProcess;

  private constructor(url: string, folder: string, child: ChildProcess) {
    this.url = url;
    this.#folder = folder;
    this.#child = child;
  }

  /** @param clients PEM of the roots whose certificates clients may have */
  static async start(root: Root, clients: string): Promise<Cfssl> {
    const folder = mkdtempSync(join(tmpdir(), 'essaim-cfssl-'));
    const { csr, key } = await createRequest();
    const now = Date.now();
    const certificate = issueCertificate(root, csr, {
      ...{ nodeId: 'authority', role: 'worker', clusterId: 'none', address: '127.0.0.1' },
      ...{ notBefore: now - 60_000, notAfter: now + 3_600_000 },
    });
    const files = { ca: root.cert, 'ca-key': root.key, 'tls-cert': certificate, 'tls-key': key };
    const all = { ...files, 'mutual-tls-ca': clients, config: JSON.stringify(CONFIG) };
    const options = Object.entries(all).map(([name, content]) => {
      writeFileSync(join(folder, name), content, { mode: 0o600 });
      return `-${name}=${join(folder, name)}`;
    });
    const port = await freePort();
    const child = spawn('cfssl', ['serve', ...options, '-address=127.0.0.1', `-port=${port}`], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr!.on('data', (chunk: Buffer) => {
      said += chunk;
    });
    child.once('error', (error) => {
      said += error.message;
    });
    const cfssl = new Cfssl(`https://127.0.0.1:${port}/api/v1/cfssl/sign`, folder, child);
    try {
      await eventually(
        'cfssl serves',
        20_000,
        async () => said.includes('Now listening'),
        async () => said,
      );
    } catch (error) {
      await cfssl[Symbol.asyncDispose]();
      throw error;
    }
    return cfssl;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.kill()) await once(this.#child, 'exit');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
