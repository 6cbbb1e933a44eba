/**
 * A node's key, certificate and trusted roots. They are kept in one file, replaced as a whole: whatever moment the power
 * goes, the key on disk is the certificate's.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TLSInfo } from '../model/objects.ts';
import { type NodeCertificate, nodeTlsInfo, readNodeCertificate } from './certificate.ts';
import { bundle, certificatesIn } from './pem.ts';
import { writeWhole } from './whole-file.ts';

const FILE = 'identity.json';

export interface Credentials {
  /** PEM of the private key; of the certificate and what certifies its root to others; of all trusted roots. */
  key: string;
  certificate: string;
  roots: string;
}

/** What a node is, as its certificate says, and what it shows to and demands of others. It changes as it is renewed. */
export interface NodeIdentity {
  readonly credentials: Credentials;
  readonly certificate: NodeCertificate;
  tlsInfo(): TLSInfo;
  /** Takes new credentials, durably. Throws if they do not fit each other or are another node's. */
  update(change: Partial<Credentials>): Promise<void>;
  /** Calls `listener` after each change; the returned function ends that. */
  onChange(listener: () => void): () => void;
}

/** The identity kept in this folder; undefined if there is none. A damaged one is an error that names the file. */
export async function loadIdentity(folder: string): Promise<NodeIdentity | undefined> {
  const path = join(folder, FILE);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return identity(path, check(JSON.parse(text) as Partial<Credentials>));
  } catch (error) {
    throw new Error(
      `${path} does not hold a usable node identity (${(error as Error).message}): ` +
        'restore it from a copy, or leave the swarm with "docker swarm leave --force" and join again',
    );
  }
}

/** Writes a new node's identity into this folder, for its owner's eyes only. */
export async function createIdentity(folder: string, credentials: Credentials): Promise<NodeIdentity> {
  const path = join(folder, FILE);
  const checked = check(credentials);
  await write(path, checked);
  return identity(path, checked);
}

function identity(path: string, first: Credentials): NodeIdentity {
  const listeners = new Set<() => void>();
  let credentials = first;
  let certificate = readNodeCertificate(first.certificate);
  // One write at a time, each from what the one before has left.
  let last: Promise<void> = Promise.resolve();

  async function change(wanted: Partial<Credentials>): Promise<void> {
    const next = check({ ...credentials, ...wanted });
    if (JSON.stringify(next) === JSON.stringify(credentials)) return;
    const read = readNodeCertificate(next.certificate);
    if (read.nodeId !== certificate.nodeId || read.clusterId !== certificate.clusterId)
      throw new Error(`got a certificate for node ${read.nodeId} of cluster ${read.clusterId}`);
    await write(path, next);
    credentials = next;
    certificate = read;
    for (const listener of listeners) listener();
  }

  return {
    get credentials() {
      return credentials;
    },
    get certificate() {
      return certificate;
    },
    tlsInfo: () => nodeTlsInfo(credentials.certificate, credentials.roots),
    update(wanted) {
      const done = last.then(() => change(wanted));
      last = done.catch(() => undefined);
      return done;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The credentials in their one spelling. Throws if they do not belong together. */
function check({ key, certificate, roots }: Partial<Credentials>): Credentials {
  if (typeof key !== 'string' || typeof certificate !== 'string' || typeof roots !== 'string')
    throw new Error('key, certificate or roots are missing');
  const checked = { key, certificate: bundle(certificate), roots: bundle(roots) };
  if (certificatesIn(roots).length === 0) throw new Error('there is no root certificate');
  readNodeCertificate(checked.certificate);
  if (!new X509Certificate(checked.certificate).checkPrivateKey(createPrivateKey(key)))
    throw new Error('the key is not the certificate’s');
  return checked;
}

function write(path: string, credentials: Credentials): Promise<void> {
  return writeWhole(path, `${JSON.stringify(credentials, null, 2)}\n`);
}
