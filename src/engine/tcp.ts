/** Engines that listen on TCP, with or without TLS. */
import { connect as netConnect } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls';
import { EngineClient } from './client.ts';

/** PEM texts of a client of engines. */
export interface ClientTls {
  cert: string;
  key: string;
  /** Whose certificates are trusted; without it engines are not checked. */
  ca?: string;
}

/** How long (ms) a connection may take to come about, its TLS included. */
const CONNECT_TIME = 10_000;

/** A client of the engine at `host:port`. */
export function tcpEngine(address: string, tls?: ClientTls): EngineClient {
  return new EngineClient({
    name: `tcp://${address}`,
    connect: () => tcpConnection(address, tls),
    // There may be hundreds of engines, most of them idle.
    maxIdle: 2,
  });
}

/**
 * A new connection to `host:port`, owned by the caller.
 * @param patience how long (ms) it may take
 * @throws what the system or TLS says against it
 */
export function tcpConnection(address: string, tls?: ClientTls, patience = CONNECT_TIME): Promise<Duplex> {
  const { host, port } = splitAddress(address);
  return new Promise((resolve, reject) => {
    const socket = tls
      ? tlsConnect({ host, port, allowHalfOpen: true, ...verification(tls, host) } as ConnectionOptions)
      : netConnect({ host, port, allowHalfOpen: true });
    const timer = setTimeout(() => {
      socket.destroy(new Error(`no connection to ${address} within ${patience / 1000} s`));
    }, patience);
    socket.once('close', () => clearTimeout(timer));
    socket.once('error', reject);
    socket.once(tls ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer);
      socket.off('error', reject);
      socket.setNoDelay(true);
      resolve(socket);
    });
  });
}

function verification({ ca, cert, key }: ClientTls, host: string): ConnectionOptions {
  return {
    cert,
    key,
    ...(ca === undefined ? { rejectUnauthorized: false } : { ca, rejectUnauthorized: true }),
    // Names of hosts are told to the server; an address may not be.
    ...(/^[0-9.]+$|:/.test(host) ? {} : { servername: host }),
    minVersion: 'TLSv1.2',
  };
}

/** `[::1]:2375` has brackets, as in Go. */
export function splitAddress(address: string): { host: string; port: number } {
  const at = address.lastIndexOf(':');
  const host = address.slice(0, at).replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(address.slice(at + 1)) };
}
