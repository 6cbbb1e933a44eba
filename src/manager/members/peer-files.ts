/**
 * The certificate by which a manager's etcd and those of the others know each other, as etcd wants it: files. It reads the
 * certificate anew for each connection, so to renew it is to replace the file; the roots it reads as it starts.
 *
 * When the cluster's root is replaced, certificates come with the new root as the old one has signed it, so that members
 * that know the old one alone accept them: none has to be started again for that. The old root is dropped when each member
 * has been started again, one after the other, with both (`Member.rootsChanged`), and then once more with the new one alone.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CertificateRequest, createRequest } from '../../identity/authority.ts';
import { readNodeCertificate } from '../../identity/certificate.ts';
import { renewalTime } from '../../identity/expiry.ts';
import { bundle, certificatesIn } from '../../identity/pem.ts';
import { writeWhole } from '../../identity/whole-file.ts';

/** Certificate, what vouches for it, and key, in one file: whoever reads it has a key that is the certificate's. */
const PEER = 'peer.pem';
const ROOTS = 'peer-roots.pem';

export interface PeerCertificate {
  /** PEM: the certificate and what certifies its root to others; its key; all trusted roots. */
  certificate: string;
  key: string;
  roots: string;
}

/** The files for etcd, in a folder that is not the member's own: it may be wiped. */
export function peerFiles(folder: string): { cert: string; key: string; ca: string } {
  const peer = join(folder, PEER);
  return { cert: peer, key: peer, ca: join(folder, ROOTS) };
}

/** A request for a certificate. Its key stays here. */
export function requestPeer(): Promise<CertificateRequest> {
  return createRequest();
}

/** Replaces the files. Throws if they do not belong together. */
export async function writePeer(folder: string, { certificate, key, roots }: PeerCertificate): Promise<void> {
  if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)))
    throw new Error('the key is not that of the certificate for etcd');
  if (certificatesIn(roots).length === 0) throw new Error('there is no root for the certificate for etcd');
  // Others' certificates may be of a new root before this one's is.
  await writeRoots(folder, roots);
  await writeWhole(join(folder, PEER), `${bundle(certificate)}${key.trimEnd()}\n`);
}

function writeRoots(folder: string, roots: string): Promise<void> {
  return writeWhole(join(folder, ROOTS), bundle(roots));
}

/** What there is; undefined if there is none, or nothing that could be used. */
export async function readPeer(folder: string): Promise<PeerCertificate | undefined> {
  try {
    const [peer, roots] = await Promise.all(
      [PEER, ROOTS].map((file) => readFile(join(folder, file), 'utf8')),
    );
    const certificate = bundle(peer!);
    const key = peer!.slice(peer!.search(/-----BEGIN [A-Z ]*PRIVATE KEY-----/));
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))
      ? { certificate, key, roots: roots! }
      : undefined;
  } catch {
    return undefined;
  }
}

/** Whether other members accept it from that IP address. */
export function isFor(present: PeerCertificate | undefined, address: string): boolean {
  return present !== undefined && new X509Certificate(present.certificate).checkIP(address) !== undefined;
}

/** What a certificate for etcd has to be now. */
export interface WantedPeer {
  nodeId: string;
  clusterId: string;
  /** The IP address where other members reach this one. */
  address: string;
  /** PEM of the root that signs certificates now. */
  root: string;
}

/**
 * When (ms) a new certificate has to be asked for: at once if there is none, or if it is not what is wanted.
 * `random` is in [0, 1).
 */
export function peerRenewal(
  present: PeerCertificate | undefined,
  wanted: WantedPeer,
  random: number,
): number {
  if (!present) return 0;
  try {
    const node = readNodeCertificate(present.certificate);
    const leaf = new X509Certificate(present.certificate);
    const fits =
      node.nodeId === wanted.nodeId &&
      node.clusterId === wanted.clusterId &&
      node.role === 'manager' &&
      leaf.checkIP(wanted.address) !== undefined &&
      leaf.verify(new X509Certificate(wanted.root).publicKey);
    return fits ? renewalTime(node, random) : 0;
  } catch {
    return 0;
  }
}
