/** Making keys and certificates: who vouches for whom, and for what. */
import { createPrivateKey, generateKeyPair, type KeyObject, X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import type { Role } from './certificate.ts';
import { BACKDATE } from './expiry.ts';
import { bundle } from './pem.ts';
import {
  alternativeNames,
  BASIC,
  type CertificateParts,
  certificateParts,
  issuerKey,
  KEY_USE,
  keyIdOf,
  nameOf,
  publicKeyOf,
  purposes,
  requestedKey,
  signedCertificate,
  signedRequest,
  subjectKey,
  validityOf,
} from './x509.ts';

const ROOT_NAME = 'swarm-ca';
const ROOT_LIFE = 20 * 365 * 24 * 3_600_000;

/** A root certificate and its key, PEM. */
export interface Root {
  cert: string;
  key: string;
}

export interface CertificateRequest {
  /** PEM: the certificate signing request, and the key that stays here. */
  csr: string;
  key: string;
}

/** A new root as SwarmKit makes it: ECDSA P-256, CN swarm-ca, 20 years. `now` in ms. */
export async function createRoot(now: number, commonName = ROOT_NAME): Promise<Root> {
  const key = await newKey();
  const name = nameOf([['CN', commonName]]);
  const publicKey = publicKeyOf(key);
  const cert = signedCertificate(
    {
      issuer: name,
      validity: validityOf(now - BACKDATE, now + ROOT_LIFE),
      subject: name,
      publicKey,
      extensions: [KEY_USE.root, BASIC.root, subjectKey(keyIdOf(publicKey))],
    },
    key,
  );
  return { cert: bundle(cert), key: pemOf(key) };
}

/** A new key and a request that a certificate be made for it. Its subject is the issuer's to say. */
export async function createRequest(): Promise<CertificateRequest> {
  const key = await newKey();
  return { csr: signedRequest(nameOf([['CN', 'essaim']]), key), key: pemOf(key) };
}

/** A request that a root be certified by another one, signed with its own key; PEM. */
export function requestOf(root: Root): string {
  return signedRequest(partsOf(root.cert).subject, createPrivateKey(root.key));
}

export interface Holder {
  nodeId: string;
  role: Role;
  clusterId: string;
  notBefore: number;
  notAfter: number;
  /** An IP address that the certificate is good for besides its names. */
  address?: string;
}

/** Signs a node's certificate; PEM. Throws if the request is not one, or is not signed by its own key. */
export function issueCertificate(root: Root, csr: string, holder: Holder): string {
  const ou = `swarm-${holder.role}`;
  return issue(root, {
    ...holder,
    publicKey: requestedKey(csr),
    subject: nameOf([
      ['O', holder.clusterId],
      ['OU', ou],
      ['CN', holder.nodeId],
    ]),
    use: ['server', 'client'],
    names: [ou, holder.nodeId, ROOT_NAME],
    addresses: holder.address === undefined ? [] : [holder.address],
  });
}

export interface ServerNames {
  /** What the certificate is for, in words. */
  commonName: string;
  /** DNS names and IP addresses under which clients reach the server. */
  names: readonly string[];
  addresses: readonly string[];
  notBefore: number;
  notAfter: number;
  /** What its holder may be; a server alone if not said. */
  use?: readonly ('server' | 'client')[];
}

/** A new key and its certificate for a server that browsers and the docker CLI talk to, or for a client; PEM. Names no node. */
export async function issueServerCertificate(
  root: Root,
  { commonName, use = ['server'], ...names }: ServerNames,
): Promise<{ key: string; certificate: string }> {
  const key = await newKey();
  const subject = nameOf([['CN', commonName]]);
  const certificate = issue(root, { ...names, subject, use, publicKey: publicKeyOf(key) });
  return { key: pemOf(key), certificate };
}

/** `root`'s key and name certified by another root: who knows only `by` then accepts what `root` signs. PEM. */
export function crossSign(root: Root, by: Root): string {
  const { subject, validity, publicKey, keyId = keyIdOf(publicKey) } = partsOf(root.cert);
  const issuer = partsOf(by.cert);
  const extensions = [KEY_USE.root, BASIC.root, subjectKey(keyId), issuedBy(issuer)];
  const certificate = { issuer: issuer.subject, validity, subject, publicKey, extensions };
  return bundle(signedCertificate(certificate, createPrivateKey(by.key)));
}

/** What is wrong with a root that somebody gives (key as PEM), in SwarmKit's words; undefined if it can sign. */
export function checkRoot(root: Root): string | undefined {
  let key: KeyObject;
  try {
    key = createPrivateKey(root.key);
  } catch {
    return 'malformed private key';
  }
  const { asymmetricKeyType: type } = key;
  if (type !== 'ec' && type !== 'rsa')
    return `unsupported signature algorithm: ${type}: use an ECDSA or RSA key`;
  if (!new X509Certificate(root.cert).checkPrivateKey(key)) return 'certificate key mismatch';
  return undefined;
}

interface Leaf extends Omit<ServerNames, 'commonName' | 'use'> {
  subject: Buffer;
  publicKey: Buffer;
  use: NonNullable<ServerNames['use']>;
}

function issue(root: Root, leaf: Leaf): string {
  const { subject, publicKey, use, names, addresses, notBefore } = leaf;
  const issuer = partsOf(root.cert);
  // A certificate is worth nothing after its root.
  const notAfter = Math.min(leaf.notAfter, Date.parse(new X509Certificate(root.cert).validTo));
  const extensions = [
    ...[KEY_USE.holder, purposes(use), BASIC.holder, subjectKey(keyIdOf(publicKey)), issuedBy(issuer)],
    ...(names.length + addresses.length === 0 ? [] : [alternativeNames(names, addresses)]),
  ];
  const validity = validityOf(notBefore, notAfter);
  const certificate = { issuer: issuer.subject, validity, subject, publicKey, extensions };
  return bundle(signedCertificate(certificate, createPrivateKey(root.key)));
}

/** Points at the issuer's key as the issuer's own certificate names it, or else verifiers pass it over. */
function issuedBy({ keyId, publicKey }: CertificateParts): ReturnType<typeof issuerKey> {
  return issuerKey(keyId ?? keyIdOf(publicKey));
}

function partsOf(cert: string): CertificateParts {
  return certificateParts(new X509Certificate(cert).raw);
}

async function newKey(): Promise<KeyObject> {
  return (await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' })).privateKey;
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string;
}
