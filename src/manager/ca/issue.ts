/** Who gets a certificate, and for what: rules over the cluster and its nodes. */
import { timingSafeEqual, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { type Holder, issueCertificate } from '../../identity/authority.ts';
import { type Role, readNodeCertificate } from '../../identity/certificate.ts';
import { validity } from '../../identity/expiry.ts';
import { bundle } from '../../identity/pem.ts';
import { timestamp } from '../../model/clock.ts';
import { ApiError, rpcError } from '../../model/errors.ts';
import type { Cluster, Node } from '../../model/objects.ts';
import type { IssueAnswer, IssueRequest } from '../../model/protocol.ts';
import { signingRoot, trustedRoots } from './cluster.ts';
import { type ExternalAuthorities, externalUrls, type SigningRequest } from './external.ts';

/** The role that a join token gives. Throws Docker's error for any other text. */
export function roleOfToken(cluster: Cluster, token: string): Role {
  const { Worker, Manager } = cluster.internal.joinTokens;
  if (equal(token, Worker)) return 'worker';
  if (equal(token, Manager)) return 'manager';
  throw rpcError('InvalidArgument', 'A valid join token is necessary to join this cluster');
}

export interface NewNode {
  id: string;
  role: Role;
  availability?: string | null | undefined;
  addr: string;
  /** Milliseconds since the epoch. */
  now: number;
}

/** A node that has joined but has not been heard of yet, not yet stored. */
export function newNode({ id, role, availability, addr, now }: NewNode): Node {
  const wanted = availability || 'active';
  if (!['active', 'pause', 'drain'].includes(wanted))
    throw new ApiError(400, `invalid Availability: "${wanted}"`);
  const at = timestamp(now);
  return {
    ID: id,
    Version: { Index: 0 },
    CreatedAt: at,
    UpdatedAt: at,
    Spec: { Labels: {}, Role: role, Availability: wanted },
    Status: { State: 'unknown', Addr: addr },
    internal: {},
  };
}

/** The node that a request with a join token makes. */
export function joiningNode(
  cluster: Cluster,
  request: IssueRequest,
  parts: { id: string; remoteAddr: string; now: number },
): Node {
  const role = roleOfToken(cluster, request.token);
  if (role === 'manager' && !request.etcd)
    throw new ApiError(
      400,
      'there is no etcd on this host, which each of several managers needs: install it (Debian and Ubuntu: ' +
        '"apt-get install etcd-server") and try again, or join as a worker, with the token that "docker swarm join-token worker" shows',
    );
  const addr = request.addr || parts.remoteAddr;
  return newNode({ id: parts.id, role, availability: request.availability, addr, now: parts.now });
}

/** Each manager's etcd is reached at an address of its own. Throws ApiError 409 if that is one of another manager. */
export function checkManagerAddress(nodes: Iterable<Node>, address: string): void {
  for (const { ID, Description, ManagerStatus } of nodes) {
    const at = ManagerStatus?.Addr.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
    if (at !== address) continue;
    const name = Description?.Hostname ?? ID;
    throw new ApiError(
      409,
      `manager ${name} has the address ${address} already: give this host's own one (--advertise-addr); if it is what ${name} was, demote that first ("docker node demote ${ID}")`,
    );
  }
}

/**
 * Certifies a node in the role it has now. `csr`: PEM; `now` in ms.
 * @param external absent: signed here, whatever the cluster's spec says of authorities
 */
export function certify(
  cluster: Cluster,
  node: Node,
  csr: string,
  now: number,
  external?: ExternalAuthorities,
): Promise<IssueAnswer> {
  return issue(cluster, node, { csr }, now, external);
}

/**
 * Certifies a manager's etcd to those of the other managers, at an IP address where they reach it. Throws for a node
 * that is no manager: with such a certificate one could read and write all of the cluster's state.
 */
export async function certifyMember(
  cluster: Cluster,
  node: Node,
  request: { csr: string; address: string },
  now: number,
  external?: ExternalAuthorities,
): Promise<IssueAnswer> {
  if (node.Spec.Role !== 'manager')
    throw rpcError('PermissionDenied', `node ${node.ID} is not a manager, and only managers have an etcd`);
  if (isIP(request.address) === 0)
    throw rpcError('InvalidArgument', `"${request.address}" is not an IP address that managers could reach`);
  const issued = await issue(cluster, node, request, now, external);
  const { crossSigned, lastCrossSigned = '' } = cluster.internal;
  return crossSigned === ''
    ? { ...issued, certificate: bundle(issued.certificate, lastCrossSigned) }
    : issued;
}

async function issue(
  cluster: Cluster,
  node: Node,
  { csr, address }: { csr: string; address?: string },
  now: number,
  external: ExternalAuthorities | undefined,
): Promise<IssueAnswer> {
  const role: Role = node.Spec.Role === 'manager' ? 'manager' : 'worker';
  const holder = {
    nodeId: node.ID,
    role,
    clusterId: cluster.ID,
    ...validity(now, cluster.Spec.CAConfig?.NodeCertExpiry),
    ...(address === undefined ? {} : { address }),
  };
  const urls = externalUrls(cluster, cluster.Spec, cluster.internal.caCert);
  const certificate =
    external && urls.length > 0
      ? await signedOutside(cluster, holder, csr, (request) =>
          external.sign(urls, trustedRoots(cluster), request),
        )
      : await signedHere(cluster, holder, csr);
  return {
    nodeId: node.ID,
    role,
    certificate: bundle(certificate, cluster.internal.crossSigned),
    roots: trustedRoots(cluster),
  };
}

async function signedHere(cluster: Cluster, holder: Holder, csr: string): Promise<string> {
  const root = signingRoot(cluster);
  if (root.key === '')
    throw rpcError(
      'Unavailable',
      'the key of the swarm\'s root is not here, and no external authority is named for it: name one with "docker swarm update --external-ca"',
    );
  try {
    return issueCertificate(root, csr, holder);
  } catch (error) {
    throw rpcError('InvalidArgument', `cannot certify the request: ${(error as Error).message}`);
  }
}

/** How long the certificate is good is the authority's to say. */
async function signedOutside(
  cluster: Cluster,
  { nodeId, role, clusterId, address }: Holder,
  csr: string,
  sign: (request: SigningRequest) => Promise<string>,
): Promise<string> {
  const OU = `swarm-${role}`;
  const hosts = [OU, nodeId, 'swarm-ca', ...(address === undefined ? [] : [address])];
  try {
    const signed = await sign({
      certificate_request: csr,
      hosts,
      subject: { CN: nodeId, names: [{ OU, O: clusterId }] },
    });
    const certified = readNodeCertificate(signed);
    if (certified.nodeId !== nodeId || certified.role !== role || certified.clusterId !== clusterId)
      throw new Error(`it has certified ${JSON.stringify(certified)} instead of node ${nodeId} as ${role}`);
    if (!new X509Certificate(signed).verify(new X509Certificate(cluster.internal.caCert).publicKey))
      throw new Error("what it has signed is not signed by the swarm's root");
    return signed;
  } catch (error) {
    throw rpcError('Unavailable', `the external certificate authority: ${(error as Error).message}`);
  }
}

function equal(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
