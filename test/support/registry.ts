/** A registry that wants a name and a password, on a lab host, with a certificate that the hosts of the lab trust. */

import { type ChildProcess, execFile } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually, type Lab } from './lab.ts';

const exec = promisify(execFile);
const PORT = 5000;
export const USER = 'somebody';
export const PASSWORD = 'open sesame';
/** What `htpasswd -B` says of the two above. */
const HTPASSWD = `${USER}:$2y$05$fYvkROxsmnbusI3VA4VppOaj0NL6wEduWGHV4UmlCTeSfS2UZrDuC\n`;

export class Registry implements AsyncDisposable {
  /** `address:port`, as in the names of its images. */
  readonly name: string;
  readonly #process: ChildProcess;

  private constructor(name: string, process: ChildProcess) {
    this.name = name;
    this.#process = process;
  }

  /** Starts it on the first of the hosts and has all of them trust it. It ends with its host at the latest. */
  static async on(lab: Lab, hosts: readonly string[]): Promise<Registry> {
    const host = hosts[0]!;
    const address = await lab.address(host);
    const name = `${address}:${PORT}`;
    const folder = join(lab.home, 'registry');
    await mkdir(folder);
    const file = (path: string): string => join(folder, path);
    await exec('openssl', [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
      ],
      ...['-subj', `/CN=${address}`, '-addext', `subjectAltName=IP:${address}`],
      ...['-keyout', file('key.pem'), '-out', file('cert.pem')],
    ]);
    // Engines look there each time that they speak to the registry.
    for (const each of hosts) {
      const trusted = join(lab.home, 'machines', each, 'etc/docker/certs.d', name);
      await mkdir(trusted, { recursive: true });
      await copyFile(file('cert.pem'), join(trusted, 'ca.crt'));
    }
    await writeFile(file('htpasswd'), HTPASSWD);
    const settings = {
      version: '0.1',
      log: { level: 'error' },
      storage: { filesystem: { rootdirectory: file('data') } },
      auth: { htpasswd: { realm: 'lab', path: file('htpasswd') } },
      http: { addr: `:${PORT}`, tls: { certificate: file('cert.pem'), key: file('key.pem') } },
    };
    // JSON is YAML.
    await writeFile(file('config.yml'), JSON.stringify(settings));
    const child = lab.spawn(
      'ssh',
      host,
      `exec docker-registry serve ${file('config.yml')} >${file('log')} 2>&1`,
    );
    const registry = new Registry(name, child);
    const ca = await readFile(file('cert.pem'));
    await eventually(
      'the registry answers',
      30_000,
      async () => {
        if (child.exitCode !== null) throw new Error('it has ended');
        return (await statusOf(`https://${name}/v2/`, ca)) === 401;
      },
      () => readFile(file('log'), 'utf8').catch(String),
    ).catch(async (error: unknown) => {
      await registry[Symbol.asyncDispose]();
      throw error;
    });
    return registry;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill();
    await ended;
  }
}

async function statusOf(url: string, ca: Buffer): Promise<number | undefined> {
  const [answer] = (await once(get(url, { ca, agent: false }), 'response')) as [IncomingMessage];
  answer.resume();
  return answer.statusCode;
}
