import { constants } from 'node:crypto';
import type { SecureServerOptions } from 'node:http2';
import type { NodeIdentity } from '../../identity/node-identity.ts';

/**
 * What the cluster port shows and accepts. Everybody gets through the handshake, with a certificate or without: what
 * they may do then is said for each request. `roots`: PEM.
 */
export function tlsOptions(identity: NodeIdentity, roots: string): SecureServerOptions {
  const { key, certificate } = identity.credentials;
  return {
    key,
    cert: certificate,
    ca: roots,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3',
    // A connection resumed would not be checked against the roots of now.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}
