/**
 * A node's key, certificate and trusted roots. They are kept in one file, replaced as a whole: whatever moment the power
 * goes, the key on disk is the certificate's. On a manager that locks itself the key is encrypted in it.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TLSInfo } from '../model/objects.ts';
import { seal, unseal } from '../model/sealed.ts';
import { type NodeCertificate, nodeTlsInfo, readNodeCertificate } from './certificate.ts';
import { bundle, certificatesIn } from './pem.ts';
import { writeWhole } from './whole-file.ts';

const FILE = 'identity.json';
const PLACE = 'node key';

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
  /** From now on the key is encrypted with this one on disk, or in the clear; durable when it resolves. */
  protect(fileKey: Buffer | undefined): Promise<void>;
  /** Calls `listener` after each change; the returned function ends that. */
  onChange(listener: () => void): () => void;
}

/**
 * The identity kept in this folder; undefined if there is none. A damaged one is an error that names the file.
 * @param fileKey what the node's key is encrypted with, if it is
 */
export async function loadIdentity(folder: string, fileKey?: Buffer): Promise<NodeIdentity | undefined> {
  const path = join(folder, FILE);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const file = JSON.parse(text) as IdentityFile;
    return identity(
      path,
      check({ ...file, key: keyOf(file, fileKey) }),
      file.sealedKey ? fileKey : undefined,
    );
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
  await write(path, checked, undefined);
  return identity(path, checked, undefined);
}

function identity(path: string, first: Credentials, protectedBy: Buffer | undefined): NodeIdentity {
  const listeners = new Set<() => void>();
  let credentials = first;
  let fileKey = protectedBy;
  let certificate = readNodeCertificate(first.certificate);
  /** Of these credentials, made when it is first asked for: signatures are checked for it. */
  let tlsInfo: TLSInfo | undefined;
  // One write at a time, each from what the one before has left.
  let last: Promise<void> = Promise.resolve();

  async function change(wanted: Partial<Credentials>): Promise<void> {
    const next = check({ ...credentials, ...wanted });
    if (JSON.stringify(next) === JSON.stringify(credentials)) return;
    const read = readNodeCertificate(next.certificate);
    if (read.nodeId !== certificate.nodeId || read.clusterId !== certificate.clusterId)
      throw new Error(`got a certificate for node ${read.nodeId} of cluster ${read.clusterId}`);
    await write(path, next, fileKey);
    credentials = next;
    certificate = read;
    tlsInfo = undefined;
    for (const listener of listeners) listener();
  }

  function inTurn(work: () => Promise<void>): Promise<void> {
    const done = last.then(work);
    last = done.catch(() => undefined);
    return done;
  }

  return {
    get credentials() {
      return credentials;
    },
    get certificate() {
      return certificate;
    },
    tlsInfo() {
      tlsInfo ??= nodeTlsInfo(credentials.certificate, credentials.roots);
      return tlsInfo;
    },
    update: (wanted) => inTurn(() => change(wanted)),
    protect: (wanted) =>
      inTurn(async () => {
        if (wanted === fileKey || (wanted && fileKey?.equals(wanted))) return;
        await write(path, credentials, wanted);
        fileKey = wanted;
      }),
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

/** What the file has: one of the two keys. */
interface IdentityFile extends Partial<Credentials> {
  sealedKey?: string;
}

function keyOf({ key, sealedKey }: IdentityFile, fileKey: Buffer | undefined): string | undefined {
  if (!sealedKey) return key;
  if (!fileKey) throw new Error('its key is locked');
  return unseal(Buffer.from(sealedKey, 'base64'), PLACE, fileKey);
}

function write(path: string, credentials: Credentials, fileKey: Buffer | undefined): Promise<void> {
  return writeWhole(path, `${JSON.stringify(fileOf(credentials, fileKey), null, 2)}\n`);
}

function fileOf({ key, ...others }: Credentials, fileKey: Buffer | undefined): IdentityFile {
  if (!fileKey) return { key, ...others };
  return { sealedKey: seal(key, PLACE, fileKey).toString('base64'), ...others };
}
