const BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** The certificates in a text, each as PEM that ends in one newline and has no other white space to differ by. */
export function certificatesIn(pem: string): string[] {
  return (pem.match(BLOCK) ?? []).map(normalize);
}

/** Several texts as one bundle, each certificate once, in the order of first appearance. */
export function bundle(...pems: string[]): string {
  return [...new Set(pems.flatMap(certificatesIn))].join('');
}

function normalize(block: string): string {
  const body = block.replace(/-----[A-Z ]+-----/g, '').replace(/\s/g, '');
  const lines = body.match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
