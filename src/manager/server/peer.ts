/** Who is at the other end of a connection to the cluster port, and whether it may do what it asks for. */
import type { ServerHttp2Session } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { nodeOf, type Role } from '../../identity/certificate.ts';
import { outOfDate } from '../../identity/clocks.ts';
import { ApiError } from '../../model/errors.ts';
import type { View } from '../../store/contract.ts';
import { theCluster } from '../ca/cluster.ts';

export interface Peer {
  remoteAddr: string;
  /** Present if the connection came with a node's certificate that chained to a trusted root. */
  node?: { nodeId: string; role: Role; clusterId: string };
  /** Why its certificate was not accepted. */
  problem?: string;
}

/** Looks at a connection once its handshake is over. */
export function peerOf(session: ServerHttp2Session): Peer {
  const socket = session.socket as TLSSocket;
  const remoteAddr = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return { remoteAddr };
  if (!socket.authorized) {
    const code = String(socket.authorizationError);
    return { remoteAddr, problem: outOfDate(code, Date.now()) ?? code };
  }
  const node = nodeOf(certificate.toLegacyObject().subject);
  return node === undefined ? { remoteAddr } : { remoteAddr, node };
}

/** The id of the node that asks. Throws 403 unless its certificate, as of now, is good for a call of these roles. */
export function authorize(peer: Peer, roles: readonly Role[], view: View): string {
  const { node } = peer;
  if (node === undefined || node.clusterId !== theCluster(view).ID)
    throw new ApiError(
      403,
      `this takes the certificate of a node of this cluster${peer.problem ? ` (${peer.problem})` : ''}`,
    );
  const known = view.get('node', node.nodeId);
  if (known === undefined || known.internal.left)
    throw new ApiError(
      403,
      `node ${node.nodeId} is not part of this cluster any more: have its host leave ("docker swarm leave --force"), then join again`,
    );
  if (!roles.includes(node.role))
    throw new ApiError(403, `a ${node.role}’s certificate is not good for this`);
  return node.nodeId;
}
