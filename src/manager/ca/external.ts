/**
 * Certificates by an authority outside of the cluster, over cfssl's HTTP interface: a POST of JSON with the request and the
 * subject that it is for. The authority's server has a certificate of the root that it signs with, and knows managers by
 * theirs.
 */
import { X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import { connect } from 'node:tls';
import { bundle } from '../../identity/pem.ts';
import type { Cluster } from '../../model/objects.ts';
import type { ClusterSpec } from '../../model/spec.ts';
import { pinnedRoot } from './cluster.ts';

/** How long a server may take until it is connected, and until it has signed, in ms. */
const CONNECT_PATIENCE = 5_000;
const SIGN_PATIENCE = 10_000;
const MAX_ANSWER = 256 * 1024;
/** What certifies a root to those who know only the one before. cfssl's own extensions are said by its configuration. */
const ROOT_PROFILE = 'CA';
const IS_AUTHORITY = { id: '2.5.29.19', critical: true, value: '30030101ff' };

/** As cfssl takes it. */
export interface SigningRequest {
  certificate_request: string;
  hosts?: string[];
  subject: { CN: string; names: Array<{ O?: string; OU?: string }> };
  profile?: string;
  extensions?: Array<{ id: string; critical: boolean; value: string }>;
}

export interface ExternalAuthorities {
  /** Whether one of the servers can be reached, and has a certificate by that root (PEM). */
  reachable(urls: readonly string[], root: string): Promise<boolean>;
  /** PEM, by the first server that signs. @param roots PEM of what the servers' certificates may be by. Rejects with why not. */
  sign(urls: readonly string[], roots: string, what: SigningRequest): Promise<string>;
}

/** Where certificates by that root (PEM) are made, if the spec names an authority for it. */
export function externalUrls(cluster: Cluster, spec: ClusterSpec, root: string): string[] {
  const wanted = bundle(root);
  return (spec.CAConfig?.ExternalCAs ?? [])
    .filter(({ CACert }) => bundle(CACert || pinnedRoot(cluster)) === wanted)
    .map(({ URL: url }) => url ?? '');
}

/** The request that a root be certified by the one before it. `csr`: PEM, by the root's own key. */
export function rootRequest(root: string, csr: string): SigningRequest {
  const { CN } = new X509Certificate(root).toLegacyObject().subject as { CN?: string };
  return {
    certificate_request: csr,
    subject: { CN: CN ?? '', names: [] },
    profile: ROOT_PROFILE,
    extensions: [IS_AUTHORITY],
  };
}

/** @param credentials PEM of the certificate and the key by which this manager is known, as they are now; absent: by none */
export function externalAuthorities(
  credentials?: () => { certificate: string; key: string },
): ExternalAuthorities {
  const client = () => {
    const { certificate: cert, key } = credentials?.() ?? {};
    return { cert, key };
  };
  return {
    async reachable(urls, root) {
      for (const url of urls) if (await answers(url, { ...client(), ca: root })) return true;
      return false;
    },
    async sign(urls, roots, what) {
      const problems: string[] = [];
      for (const url of urls) {
        try {
          return certificateIn(await post(url, { ...client(), ca: roots }, JSON.stringify(what)));
        } catch (error) {
          problems.push(`${url}: ${(error as Error).message}`);
        }
      }
      throw new Error(problems.join('; '));
    },
  };
}

interface Tls {
  cert: string | undefined;
  key: string | undefined;
  ca: string;
}

function answers(url: string, tls: Tls): Promise<boolean> {
  if (!URL.canParse(url) || new URL(url).protocol !== 'https:') return Promise.resolve(false);
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve) => {
    const socket = connect({ ...tls, host, port: Number(port || 443), ...named(host) });
    const end = (reached: boolean): void => {
      socket.destroy();
      resolve(reached);
    };
    socket.setTimeout(CONNECT_PATIENCE, () => end(false));
    socket.once('secureConnect', () => end(true));
    socket.once('error', () => end(false));
  });
}

/** A server of several names is told which one is meant; an address is none. */
function named(host: string): { servername?: string } {
  return /^[\d.]+$|:/.test(host) ? {} : { servername: host };
}

function post(url: string, tls: Tls, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
    const signal = AbortSignal.timeout(SIGN_PATIENCE);
    const asked = request(url, { ...tls, method: 'POST', headers, signal, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_ANSWER) asked.destroy(new Error('its answer is too long to be a certificate'));
        else chunks.push(chunk);
      });
      response.once('error', reject);
      response.once('end', () => resolve(Buffer.concat(chunks).toString()));
    });
    asked.once('error', (error) =>
      reject(signal.aborted ? new Error(`no answer within ${SIGN_PATIENCE / 1000} s`) : error),
    );
    asked.end(body);
  });
}

interface SignAnswer {
  success?: boolean;
  result?: { certificate?: unknown } | null;
  errors?: Array<{ message?: string }> | null;
}

function certificateIn(text: string): string {
  let answer: SignAnswer;
  try {
    answer = JSON.parse(text) as SignAnswer;
  } catch {
    throw new Error(`it does not speak cfssl's protocol: ${text.slice(0, 100).trim()}`);
  }
  const certificate = answer.result?.certificate;
  if (answer.success && typeof certificate === 'string') return certificate;
  const why = (answer.errors ?? []).map(({ message }) => message).join(', ');
  throw new Error(`it does not sign: ${why || 'without a reason'}`);
}
