/**
 * Replacing the cluster's root. From its beginning certificates are signed by the new root, and both are trusted; join
 * tokens pin the old one until every node's certificate is from the new root, and then the new one.
 */
import { type KeyObject, X509Certificate } from 'node:crypto';
import { checkRoot, crossSign, type Root, requestOf } from '../../identity/authority.ts';
import { rootTlsInfo } from '../../identity/certificate.ts';
import { bundle, certificatesIn } from '../../identity/pem.ts';
import { rpcError } from '../../model/errors.ts';
import type { Cluster, Node, TLSInfo } from '../../model/objects.ts';
import { pinnedRoot, rotateTokens, signingRoot } from './cluster.ts';
import { rootRequest, type SigningRequest } from './external.ts';

const MIN_ROOT_LIFE = 365 * 24 * 3_600_000;

/** The root that an administrator gives as PEM, without a key for an external one, checked; throws SwarmKit's errors. `now` in ms. */
export function givenRoot(cert: string, key: string, now: number): Root {
  const invalid = (text: string) => rpcError('InvalidArgument', text);
  const certificates = certificatesIn(cert);
  if (certificates.length > 1)
    throw invalid('the desired CA certificate cannot contain multiple certificates');
  let parsed: X509Certificate;
  try {
    parsed = new X509Certificate(certificates[0] ?? '');
  } catch {
    throw invalid('invalid root certificates: failed to parse certificate');
  }
  const root = { cert: bundle(cert), key };
  const problem = key === '' ? undefined : checkRoot(root);
  if (problem !== undefined) throw invalid(problem);
  if (Date.parse(parsed.validTo) < now + MIN_ROOT_LIFE) throw invalid('CA certificate expires too soon');
  if (!parsed.ca) throw invalid('the desired CA certificate is not one of a certificate authority');
  return root;
}

/**
 * The cluster with a rotation to `root` begun, or called off if `root` is the one from before it.
 * @param sign has the external authority certify a root, where the one that signs now has its key there
 */
export async function beginRotation(
  cluster: Cluster,
  root: Root,
  sign: (request: SigningRequest) => Promise<string>,
): Promise<Cluster> {
  const { internal } = cluster;
  const pinned = pinnedRoot(cluster);
  if (root.cert === internal.caCert) return { ...cluster, internal: { ...internal, caKey: root.key } };
  const crossSigned =
    chainOf(cluster, root.cert) ??
    (await certifyRoot(root, signingRoot(cluster), sign)) + internal.crossSigned;
  return {
    ...cluster,
    TLSInfo: rootTlsInfo(root.cert, pinned),
    RootRotationInProgress: true,
    internal: {
      ...internal,
      caCert: root.cert,
      caKey: root.key,
      oldRoots: [...new Set([pinned, ...internal.oldRoots, internal.caCert])].filter(
        (old) => old === pinned || old !== root.cert,
      ),
      crossSigned,
    },
  };
}

/**
 * PEM of what certifies a root to who knows the pinned one alone, if that was made already: it was to follow before, or it
 * is the pinned one. Undefined: one that signs has to certify it.
 */
export function chainOf(cluster: Cluster, root: string): string | undefined {
  if (root === pinnedRoot(cluster)) return '';
  const chain = certificatesIn(cluster.internal.crossSigned);
  const key = keyOf(root);
  const at = chain.findIndex((each) => keyOf(each).equals(key));
  return at < 0 ? undefined : bundle(...chain.slice(at));
}

function keyOf(certificate: string): KeyObject {
  return new X509Certificate(certificate).publicKey;
}

async function certifyRoot(
  root: Root,
  by: Root,
  sign: (request: SigningRequest) => Promise<string>,
): Promise<string> {
  if (by.key !== '') return crossSign(root, by);
  if (root.key === '')
    throw rpcError(
      'InvalidArgument',
      'rotating from one external CA to a different external CA is not supported',
    );
  try {
    return bundle(await sign(rootRequest(root.cert, requestOf(root))));
  } catch (error) {
    throw rpcError(
      'Internal',
      `unable to generate a cross-signed certificate for root rotation: ${(error as Error).message}`,
    );
  }
}

/** The cluster with its rotation ended, or undefined while there is none or a node still has an old certificate. */
export function finishRotation(cluster: Cluster, nodes: Iterable<Node>): Cluster | undefined {
  if (!cluster.RootRotationInProgress) return undefined;
  for (const node of nodes) if (!sameIssuer(node.Description?.TLSInfo, cluster.TLSInfo)) return undefined;
  const { internal } = cluster;
  const sameRoot = pinnedRoot(cluster) === internal.caCert;
  const finished: Cluster = {
    ...cluster,
    TLSInfo: rootTlsInfo(internal.caCert, internal.caCert),
    RootRotationInProgress: false,
    internal: { ...internal, oldRoots: [], crossSigned: '', lastCrossSigned: internal.crossSigned },
  };
  // Tokens pin the root; where it has come back to the one they pin, they stay good.
  return sameRoot ? finished : rotateTokens(finished, { worker: true, manager: true });
}

function sameIssuer(a: TLSInfo | undefined, b: TLSInfo): boolean {
  return a?.CertIssuerPublicKey === b.CertIssuerPublicKey && a.CertIssuerSubject === b.CertIssuerSubject;
}
