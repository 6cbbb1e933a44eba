/**
 * Certificates and requests for them as DER, taken apart and put together. Only what is needed here; what is signed by
 * whom is said in authority.ts, and keys and signatures are OpenSSL's.
 */
import { createHash, createPublicKey, type KeyObject, randomBytes, sign, verify } from 'node:crypto';
import { parseAddress } from '../model/cidr.ts';
import {
  BIT_STRING,
  bits,
  context,
  elements,
  integer,
  NULL,
  OCTET_STRING,
  octets,
  oid,
  SEQUENCE,
  sequence,
  TRUE,
  text,
  time,
  within,
  write,
} from './der.ts';

const ECDSA = sequence(oid('1.2.840.10045.4.3.2'));
const RSA = sequence(oid('1.2.840.113549.1.1.11'), NULL);
const SUBJECT_KEY_ID = oid('2.5.29.14');

const ATTRIBUTES = { CN: oid('2.5.4.3'), O: oid('2.5.4.10'), OU: oid('2.5.4.11') };

/** A name, of one part after the other. */
export function nameOf(parts: readonly [keyof typeof ATTRIBUTES, string][]): Buffer {
  return sequence(...parts.map(([type, value]) => write(0x31, sequence(ATTRIBUTES[type], text(value)))));
}

export interface CertificateParts {
  /** DER of the names, of the two times, and of the SubjectPublicKeyInfo. */
  issuer: Buffer;
  validity: Buffer;
  subject: Buffer;
  publicKey: Buffer;
  /** By which certificates that it signs name its key; undefined if it does not say. */
  keyId: Buffer | undefined;
}

/** Takes the DER of an X.509 certificate apart. Throws if it is none. */
export function certificateParts(der: Buffer): CertificateParts {
  const [body] = within(der, SEQUENCE);
  const fields = body ? within(body.raw, SEQUENCE) : [];
  // The version, tagged [0], is left out in version 1 certificates.
  const rest = fields[0]?.tag === context(0, true) ? fields.slice(1) : fields;
  const [, , issuer, validity, subject, publicKey, ...others] = rest;
  if (!issuer || !validity || !subject || !publicKey) throw new Error('not an X.509 certificate');
  const extensions = others.find(({ tag }) => tag === context(3, true));
  return {
    issuer: issuer.raw,
    validity: validity.raw,
    subject: subject.raw,
    publicKey: publicKey.raw,
    keyId: extensions && keyIdIn(extensions.content),
  };
}

function keyIdIn(extensions: Buffer): Buffer | undefined {
  for (const { raw } of within(extensions, SEQUENCE)) {
    const [id, ...rest] = within(raw, SEQUENCE);
    const value = rest.at(-1);
    if (!id?.raw.equals(SUBJECT_KEY_ID) || value?.tag !== OCTET_STRING) continue;
    return elements(value.content)[0]?.content;
  }
  return undefined;
}

/** RFC 5280's own way to make one: SHA-1 of the key's bits. */
export function keyIdOf(publicKey: Buffer): Buffer {
  const [, key] = within(publicKey, SEQUENCE);
  if (key?.tag !== BIT_STRING) throw new Error('not a public key');
  return createHash('sha1').update(key.content.subarray(1)).digest();
}

export interface Extension {
  id: Buffer;
  critical: boolean;
  value: Buffer;
}

export const KEY_USE = {
  /** digitalSignature, keyEncipherment. */
  holder: extension('2.5.29.15', true, bits(Buffer.from([0xa0]), 5)),
  /** keyCertSign, cRLSign. */
  root: extension('2.5.29.15', true, bits(Buffer.from([0x06]), 1)),
};

export const BASIC = {
  holder: extension('2.5.29.19', true, sequence()),
  root: extension('2.5.29.19', true, sequence(TRUE)),
};

const PURPOSES = { server: oid('1.3.6.1.5.5.7.3.1'), client: oid('1.3.6.1.5.5.7.3.2') };

export function purposes(of: readonly (keyof typeof PURPOSES)[]): Extension {
  return extension('2.5.29.37', false, sequence(...of.map((each) => PURPOSES[each])));
}

export function subjectKey(keyId: Buffer): Extension {
  return { id: SUBJECT_KEY_ID, critical: false, value: octets(keyId) };
}

export function issuerKey(keyId: Buffer): Extension {
  return extension('2.5.29.35', false, sequence(write(context(0, false), keyId)));
}

/** Throws for an address that is none. */
export function alternativeNames(names: readonly string[], addresses: readonly string[]): Extension {
  const parts = [
    ...names.map((name) => write(context(2, false), Buffer.from(name))),
    ...addresses.map((address) => write(context(7, false), addressBytes(address))),
  ];
  return extension('2.5.29.17', false, sequence(...parts));
}

function addressBytes(text: string): Buffer {
  const address = parseAddress(text);
  if (!address) throw new Error(`"${text}" is not an IP address`);
  const digits = address.version === 4 ? 8 : 32;
  return Buffer.from(address.value.toString(16).padStart(digits, '0'), 'hex');
}

function extension(id: string, critical: boolean, value: Buffer): Extension {
  return { id: oid(id), critical, value };
}

export interface Certificate {
  issuer: Buffer;
  validity: Buffer;
  subject: Buffer;
  publicKey: Buffer;
  extensions: readonly Extension[];
}

/** From when to when a certificate is good; milliseconds since the epoch. */
export function validityOf(notBefore: number, notAfter: number): Buffer {
  return sequence(time(notBefore), time(notAfter));
}

/** A certificate signed with the issuer's key; PEM. */
export function signedCertificate(certificate: Certificate, key: KeyObject): string {
  const { issuer, validity, subject, publicKey, extensions } = certificate;
  const version3 = write(context(0, true), integer(Buffer.from([2])));
  const written = extensions.map(({ id, critical, value }) =>
    sequence(id, ...(critical ? [TRUE] : []), octets(value)),
  );
  const body = sequence(
    ...[version3, serial(), algorithmOf(key), issuer, validity, subject, publicKey],
    write(context(3, true), sequence(...written)),
  );
  return pem('CERTIFICATE', signed(body, key));
}

/** A request that a certificate be made for this key, which is signed with it; PEM. */
export function signedRequest(subject: Buffer, key: KeyObject): string {
  const noAttributes = write(context(0, true));
  const body = sequence(integer(Buffer.from([0])), subject, publicKeyOf(key), noAttributes);
  return pem('CERTIFICATE REQUEST', signed(body, key));
}

/** DER of the key that a request (PEM) is for. Throws if it is none, or is not signed with SHA-256 by that key. */
export function requestedKey(request: string): Buffer {
  const [, base64 = ''] =
    /-----BEGIN CERTIFICATE REQUEST-----([^-]+)-----END CERTIFICATE REQUEST-----/.exec(request) ?? [];
  const [body, algorithm, signature] = within(Buffer.from(base64, 'base64'), SEQUENCE);
  const publicKey = body && within(body.raw, SEQUENCE)[2];
  if (!body || !publicKey || signature?.tag !== BIT_STRING) throw new Error('this is no certificate request');
  const key = createPublicKey({ key: publicKey.raw, format: 'der', type: 'spki' });
  const isOurs = algorithm?.raw.equals(algorithmOf(key));
  const isWhole = signature.content[0] === 0;
  if (!isOurs || !isWhole || !verify('sha256', body.raw, key, signature.content.subarray(1)))
    throw new Error('the certificate request is not signed by its own key, with SHA-256');
  return publicKey.raw;
}

/** DER of the SubjectPublicKeyInfo. */
export function publicKeyOf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: 'spki', format: 'der' });
}

function signed(body: Buffer, key: KeyObject): Buffer {
  return sequence(body, algorithmOf(key), bits(sign('sha256', body, key)));
}

/** Throws for a key that is neither ECDSA nor RSA. */
function algorithmOf({ asymmetricKeyType: type }: KeyObject): Buffer {
  if (type === 'ec') return ECDSA;
  if (type === 'rsa') return RSA;
  throw new Error(`unsupported signature algorithm: ${type}: use an ECDSA or RSA key`);
}

function serial(): Buffer {
  // Positive, and never with a leading zero byte.
  const bytes = randomBytes(16);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x3f) | 0x40, 0);
  return integer(bytes);
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
