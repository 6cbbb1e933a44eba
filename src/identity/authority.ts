/**
 * Making keys and certificates. The library for it is heavy (20 MB), so it is loaded when one is made and not before.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  randomBytes,
  webcrypto,
  X509Certificate,
} from 'node:crypto';
import { promisify } from 'node:util';
import type * as x509 from '@peculiar/x509';
import type { Role } from './certificate.ts';
import { BACKDATE } from './expiry.ts';
import { bundle } from './pem.ts';

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
export async function createRoot(now: number, name = ROOT_NAME): Promise<Root> {
  const lib = await load();
  const key = await newKey();
  const { privateKey, publicKey } = await importKey(key);
  const cert = await lib.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: `CN=${name}`,
    notBefore: new Date(now - BACKDATE),
    notAfter: new Date(now + ROOT_LIFE),
    keys: { privateKey, publicKey },
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: await rootExtensions(lib, publicKey),
  });
  return { cert: bundle(cert.toString('pem')), key };
}

/** A new key and a request that a certificate be made for it. Its subject is the issuer's to say. */
export async function createRequest(): Promise<CertificateRequest> {
  const lib = await load();
  const key = await newKey();
  const keys = await importKey(key);
  const csr = await lib.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=essaim',
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
  });
  return { csr: `${csr.toString('pem')}\n`, key };
}

/** A request that a root be certified by another one, signed with its own key; PEM. */
export async function requestOf(root: Root): Promise<string> {
  const lib = await load();
  const csr = await lib.Pkcs10CertificateRequestGenerator.create({
    name: new lib.X509Certificate(root.cert).subject,
    keys: await importKey(root.key),
    signingAlgorithm: signingAlgorithm(root.key),
  });
  return `${csr.toString('pem')}\n`;
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
export async function issueCertificate(root: Root, csr: string, holder: Holder): Promise<string> {
  const lib = await load();
  const request = new lib.Pkcs10CertificateRequest(csr);
  if (!(await request.verify())) throw new Error('the certificate request is not signed by its own key');
  const publicKey = await request.publicKey.export();
  const issuer = new lib.X509Certificate(root.cert);
  const ou = `swarm-${holder.role}`;
  const certificate = await lib.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: [{ O: [holder.clusterId] }, { OU: [ou] }, { CN: [holder.nodeId] }],
    issuer: issuer.subjectName,
    notBefore: new Date(holder.notBefore),
    // A certificate is worth nothing after its root.
    notAfter: new Date(Math.min(holder.notAfter, issuer.notAfter.getTime())),
    publicKey,
    signingKey: (await importKey(root.key)).privateKey,
    signingAlgorithm: signingAlgorithm(root.key),
    extensions: [
      new lib.KeyUsagesExtension(
        lib.KeyUsageFlags.digitalSignature | lib.KeyUsageFlags.keyEncipherment,
        true,
      ),
      new lib.ExtendedKeyUsageExtension([lib.ExtendedKeyUsage.serverAuth, lib.ExtendedKeyUsage.clientAuth]),
      new lib.BasicConstraintsExtension(false, undefined, true),
      await lib.SubjectKeyIdentifierExtension.create(publicKey),
      await issuedBy(lib, issuer),
      new lib.SubjectAlternativeNameExtension([
        ...[ou, holder.nodeId, ROOT_NAME].map((value) => ({ type: 'dns' as const, value })),
        ...(holder.address === undefined ? [] : [{ type: 'ip' as const, value: holder.address }]),
      ]),
    ],
  });
  return bundle(certificate.toString('pem'));
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
  { commonName, names, addresses, notBefore, notAfter, use = ['server'] }: ServerNames,
): Promise<{ key: string; certificate: string }> {
  const lib = await load();
  const key = await newKey();
  const { publicKey } = await importKey(key);
  const issuer = new lib.X509Certificate(root.cert);
  const certificate = await lib.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: [{ CN: [commonName] }],
    issuer: issuer.subjectName,
    notBefore: new Date(notBefore),
    notAfter: new Date(Math.min(notAfter, issuer.notAfter.getTime())),
    publicKey,
    signingKey: (await importKey(root.key)).privateKey,
    signingAlgorithm: signingAlgorithm(root.key),
    extensions: [
      new lib.KeyUsagesExtension(
        lib.KeyUsageFlags.digitalSignature | lib.KeyUsageFlags.keyEncipherment,
        true,
      ),
      new lib.ExtendedKeyUsageExtension(use.map((each) => lib.ExtendedKeyUsage[`${each}Auth`])),
      new lib.BasicConstraintsExtension(false, undefined, true),
      await lib.SubjectKeyIdentifierExtension.create(publicKey),
      await issuedBy(lib, issuer),
      ...(names.length + addresses.length === 0
        ? []
        : [
            new lib.SubjectAlternativeNameExtension([
              ...names.map((value) => ({ type: 'dns' as const, value })),
              ...addresses.map((value) => ({ type: 'ip' as const, value })),
            ]),
          ]),
    ],
  });
  return { key, certificate: bundle(certificate.toString('pem')) };
}

/** `root`'s key and name certified by another root: who knows only `by` then accepts what `root` signs. PEM. */
export async function crossSign(root: Root, by: Root): Promise<string> {
  const lib = await load();
  const certified = new lib.X509Certificate(root.cert);
  const issuer = new lib.X509Certificate(by.cert);
  const publicKey = await certified.publicKey.export();
  const certificate = await lib.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: certified.subjectName,
    issuer: issuer.subjectName,
    notBefore: certified.notBefore,
    notAfter: certified.notAfter,
    publicKey,
    signingKey: (await importKey(by.key)).privateKey,
    signingAlgorithm: signingAlgorithm(by.key),
    extensions: [...(await rootExtensions(lib, publicKey, certified)), await issuedBy(lib, issuer)],
  });
  return bundle(certificate.toString('pem'));
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

async function load(): Promise<typeof x509> {
  await import('reflect-metadata');
  const lib = await import('@peculiar/x509');
  return lib;
}

/** Points at the issuer's key as the issuer's own certificate names it, or else verifiers pass it over. */
async function issuedBy(lib: typeof x509, issuer: x509.X509Certificate): Promise<x509.Extension> {
  const keyId = issuer.getExtension(lib.SubjectKeyIdentifierExtension)?.keyId;
  if (keyId !== undefined) return new lib.AuthorityKeyIdentifierExtension(keyId);
  return lib.AuthorityKeyIdentifierExtension.create(await issuer.publicKey.export());
}

async function rootExtensions(
  lib: typeof x509,
  publicKey: webcrypto.CryptoKey,
  like?: x509.X509Certificate,
): Promise<x509.Extension[]> {
  return [
    new lib.KeyUsagesExtension(lib.KeyUsageFlags.keyCertSign | lib.KeyUsageFlags.cRLSign, true),
    new lib.BasicConstraintsExtension(true, undefined, true),
    like?.getExtension(lib.SubjectKeyIdentifierExtension) ??
      (await lib.SubjectKeyIdentifierExtension.create(publicKey)),
  ];
}

async function newKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}

function signingAlgorithm(key: string): webcrypto.EcdsaParams {
  const name = createPrivateKey(key).asymmetricKeyType === 'ec' ? 'ECDSA' : 'RSASSA-PKCS1-v1_5';
  return { name, hash: 'SHA-256' };
}

/** PEM of any form that OpenSSL knows to the pair that WebCrypto wants. */
async function importKey(pem: string): Promise<webcrypto.CryptoKeyPair> {
  const key = createPrivateKey(pem);
  const algorithm = keyAlgorithm(key.asymmetricKeyType, key.asymmetricKeyDetails?.namedCurve);
  const { subtle } = webcrypto;
  return {
    privateKey: await subtle.importKey(
      'pkcs8',
      key.export({ type: 'pkcs8', format: 'der' }),
      algorithm,
      true,
      ['sign'],
    ),
    publicKey: await subtle.importKey(
      'spki',
      createPublicKey(key).export({ type: 'spki', format: 'der' }),
      algorithm,
      true,
      ['verify'],
    ),
  };
}

const CURVES: Record<string, string> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' };

function keyAlgorithm(
  type: string | undefined,
  curve = '',
): webcrypto.EcKeyImportParams | webcrypto.RsaHashedImportParams {
  if (type === 'ec') return { name: 'ECDSA', namedCurve: CURVES[curve] ?? curve };
  return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
}

function serial(): string {
  // Positive, and never with a leading zero byte.
  const bytes = randomBytes(16);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x3f) | 0x40, 0);
  return bytes.toString('hex');
}
