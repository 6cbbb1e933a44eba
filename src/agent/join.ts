/** How a host becomes a node: by a join token that proves each side to the other. */
import type { ClientHttp2Session } from 'node:http2';
import { createRequest } from '../identity/authority.ts';
import { readNodeCertificate } from '../identity/certificate.ts';
import type { Credentials } from '../identity/node-identity.ts';
import { certificatesIn } from '../identity/pem.ts';
import { parseToken, rootDigest } from '../identity/token.ts';
import { ApiError, rpcError } from '../model/errors.ts';
import type { CaAnswer, IssueRequest, JoinAnswer, ManagerAddress } from '../model/protocol.ts';
import { findLeader } from './leader.ts';
import {
  call,
  connectManager,
  isManagerBy,
  managerAt,
  NoAnswerError,
  NotLeadingError,
  withPort,
} from './wire.ts';

/** How long (ms) a join waits for an election. */
const PATIENCE = 5_000;

export interface JoinOptions {
  /** Any manager of the cluster, host:port. */
  remote: string;
  token: string;
  availability?: string | undefined;
  /** The address that other nodes reach this host at; empty: the one that the manager sees. */
  addr?: string | undefined;
  /** The version of the etcd on this host, without which it can be no manager. */
  etcd?: string | undefined;
  /** Gives up when aborted; until then a manager that does not answer is tried again and again. */
  signal: AbortSignal;
}

export interface Joined {
  nodeId: string;
  role: 'worker' | 'manager';
  clusterId: string;
  /** Those that were heard of, the one that leads first. */
  managers: ManagerAddress[];
  credentials: Credentials;
}

/** Throws Docker's errors: a bad token, a manager that is not the token's, one that refuses. */
export async function joinCluster(options: JoinOptions): Promise<Joined> {
  const { token, signal } = options;
  const digest = token === '' ? undefined : parseToken(token).digest;
  for (;;) {
    try {
      return await attempt(options, digest);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof NoAnswerError)) throw error;
    }
  }
}

async function attempt(options: JoinOptions, digest: string | undefined): Promise<Joined> {
  const { remote, signal } = options;
  const first = await connectManager({ address: remote, expect: { kind: 'anybody' }, signal });
  const close = () => first.destroy();
  signal.addEventListener('abort', close, { once: true });
  try {
    return await joinBy(first, options, digest);
  } finally {
    signal.removeEventListener('abort', close);
    first.destroy();
  }
}

/** @param first to who is at the address that the host joins at; nothing is known of it yet */
async function joinBy(
  first: ClientHttp2Session,
  options: JoinOptions,
  digest: string | undefined,
): Promise<Joined> {
  const root = await pinnedRoot(first, digest);
  const { csr, key } = await createRequest();
  const body: IssueRequest = { csr, token: options.token };
  if (options.availability) body.availability = options.availability;
  if (options.addr) body.addr = options.addr;
  if (options.etcd) body.etcd = options.etcd;
  const expect = { kind: 'manager', roots: root } as const;
  let known: ManagerAddress[] = [];
  const { answer, connection, address } = await findLeader({
    addresses: [options.remote],
    // A handshake is dear where many hosts join: who has turned out to be a manager of the token's need not make another.
    connect: async (to, signal) =>
      to === withPort(options.remote) && !first.destroyed && isManagerBy(first, root)
        ? first
        : connectManager({ address: to, expect, signal }),
    ask: (manager) => call(manager, 'POST', '/ca/issue', body) as Promise<JoinAnswer>,
    isFinal: isRefusal,
    patience: PATIENCE,
    learned: (managers) => {
      known = managers;
    },
    signal: options.signal,
  });
  const leader = { NodeID: managerAt(connection) ?? '', Addr: address };
  connection.destroy();
  const { nodeId, role, clusterId } = readNodeCertificate(answer.certificate);
  if (!certificatesIn(answer.roots).includes(root))
    throw new ApiError(500, 'the manager does not trust the root that the token pins');
  return {
    nodeId,
    role,
    clusterId,
    managers: [leader, ...(answer.managers ?? known).filter(({ NodeID }) => NodeID !== leader.NodeID)],
    credentials: { key, certificate: answer.certificate, roots: answer.roots },
  };
}

/** The word of the one that leads, which is the same however often it is asked. */
function isRefusal(error: unknown): boolean {
  return error instanceof ApiError && error.status !== 503 && !(error instanceof NotLeadingError);
}

/**
 * Asks whoever is at the address for the cluster's root, and believes it if it is the one in the token. Only there is it
 * said that a token is missing: as with Docker, a join to where nobody answers waits, whatever its token.
 */
async function pinnedRoot(connection: ClientHttp2Session, digest: string | undefined): Promise<string> {
  const { roots } = (await call(connection, 'GET', '/ca')) as Partial<CaAnswer>;
  if (digest === undefined)
    throw rpcError('InvalidArgument', 'A valid join token is necessary to join this cluster');
  const root = certificatesIn(String(roots)).find((candidate) => rootDigest(candidate) === digest);
  if (root === undefined)
    throw new ApiError(500, `remote CA does not match fingerprint. Expected: ${digest}`);
  return root;
}
