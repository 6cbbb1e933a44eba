/** Reading certificates: whose they are, who signed them, what the API shows of them. */
import { X509Certificate } from 'node:crypto';
import type { TLSInfo } from '../model/objects.ts';
import { bundle, certificatesIn } from './pem.ts';
import { certificateParts } from './x509.ts';

export type Role = 'worker' | 'manager';

export interface NodeCertificate {
  nodeId: string;
  role: Role;
  clusterId: string;
  /** Milliseconds since the epoch. */
  notBefore: number;
  notAfter: number;
}

const ROLES = new Map<string, Role>([
  ['swarm-worker', 'worker'],
  ['swarm-manager', 'manager'],
]);

/** The parts of a subject as `tls` and `node:crypto` give them. */
export interface Subject {
  CN?: string | string[];
  OU?: string | string[];
  O?: string | string[];
}

/** Who a subject says it is; undefined if it is not a node's. */
export function nodeOf(
  subject: Subject | undefined,
): Omit<NodeCertificate, 'notBefore' | 'notAfter'> | undefined {
  const { CN, OU, O } = subject ?? {};
  if (typeof CN !== 'string' || typeof OU !== 'string' || typeof O !== 'string') return undefined;
  const role = ROLES.get(OU);
  return role === undefined ? undefined : { nodeId: CN, role, clusterId: O };
}

/** Reads the first certificate of a chain. Throws if it is none, or not a node's. */
export function readNodeCertificate(chain: string): NodeCertificate {
  const leaf = new X509Certificate(chain);
  const node = nodeOf(leaf.toLegacyObject().subject);
  if (node === undefined) throw new Error(`the certificate of "${leaf.subject}" is not a node's`);
  return { ...node, notBefore: Date.parse(leaf.validFrom), notAfter: Date.parse(leaf.validTo) };
}

/** What the API shows of a root that signs certificates: `trusted` are the roots in force. */
export function rootTlsInfo(root: string, trusted: string): TLSInfo {
  const { subject, publicKey } = certificateParts(new X509Certificate(root).raw);
  return tlsInfo(subject, publicKey, trusted);
}

/** What the API shows of a node that has this certificate chain and trusts these roots. */
export function nodeTlsInfo(chain: string, roots: string): TLSInfo {
  const [leafPem = '', ...rest] = certificatesIn(chain);
  const leaf = new X509Certificate(leafPem);
  const issuer = [...rest, ...certificatesIn(roots)]
    .map((pem) => new X509Certificate(pem))
    .find((candidate) => leaf.verify(candidate.publicKey));
  if (issuer === undefined) throw new Error('the certificate is signed by none of the trusted roots');
  const { subject, publicKey } = certificateParts(issuer.raw);
  return tlsInfo(subject, publicKey, roots);
}

function tlsInfo(subject: Buffer, publicKey: Buffer, trusted: string): TLSInfo {
  return {
    TrustRoot: bundle(trusted),
    CertIssuerSubject: subject.toString('base64'),
    CertIssuerPublicKey: publicKey.toString('base64'),
  };
}
