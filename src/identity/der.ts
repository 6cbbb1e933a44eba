/** As much DER as is needed to take a certificate apart where node:crypto gives only text. */

interface Element {
  tag: number;
  /** The element with its header, and its content alone. */
  raw: Buffer;
  content: Buffer;
}

function elements(content: Buffer): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < content.length; ) {
    const tag = content.readUInt8(at);
    const first = content.readUInt8(at + 1);
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
    const length = lengthBytes === 0 ? first : content.readUIntBE(at + 2, lengthBytes);
    const start = at + 2 + lengthBytes;
    const raw = content.subarray(at, start + length);
    found.push({ tag, raw, content: content.subarray(start, start + length) });
    at = start + length;
  }
  return found;
}

export interface CertificateParts {
  /** DER of the names and of the SubjectPublicKeyInfo. */
  issuer: Buffer;
  subject: Buffer;
  publicKey: Buffer;
}

/** Takes the DER of an X.509 certificate that a library has accepted before. */
export function certificateParts(der: Buffer): CertificateParts {
  const certificate = elements(der)[0];
  const body = certificate && elements(certificate.content)[0];
  const fields = body === undefined ? [] : elements(body.content);
  // The version, tagged [0], is left out in version 1 certificates.
  const [, , issuer, , subject, publicKey] = fields[0]?.tag === 0xa0 ? fields.slice(1) : fields;
  if (!issuer || !subject || !publicKey) throw new Error('not an X.509 certificate');
  return { issuer: issuer.raw, subject: subject.raw, publicKey: publicKey.raw };
}
