/**
 * A certificate request made in a process of its own: the library for it takes 20 MB, which a daemon that asks for a
 * certificate every few weeks need not keep.
 */
import { execFile } from 'node:child_process';
import { getCompileCacheDir } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type CertificateRequest, createRequest } from './authority.ts';

const SELF = fileURLToPath(import.meta.url);

/** A new key and a request that a certificate be made for it. Rejects if the process cannot be run. */
export async function requestApart(): Promise<CertificateRequest> {
  const cache = getCompileCacheDir();
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', SELF],
    {
      env: cache === undefined ? {} : { NODE_COMPILE_CACHE: cache },
    },
  );
  return JSON.parse(stdout) as CertificateRequest;
}

if (process.argv[1] === SELF) process.stdout.write(JSON.stringify(await createRequest()));
