/**
 * Which addresses a node listens on and tells the others, by Docker's rules and with Docker's errors. Pure: the host's
 * interfaces are passed in.
 */
import { BlockList, isIP } from 'node:net';
import { ApiError } from '../../model/errors.ts';
import { CLUSTER_PORT } from '../../model/protocol.ts';

export interface HostInterface {
  name: string;
  addresses: string[];
  /** Loopback devices, bridges and their ports, and links to overlays are no addresses of the host towards others. */
  external: boolean;
}

export interface NodeAddresses {
  listenHost: string;
  listenPort: number;
  advertiseHost: string;
  advertisePort: number;
}

const bad = (message: string) => new ApiError(400, message);

/**
 * @param listen `HOST[:PORT]`, where HOST is an address or the name of an interface; required by Docker
 * @param advertise the same, or empty for the host's only address
 * @throws ApiError 400 with Docker's text
 */
export function resolveAddresses(
  listen: string,
  advertise: string,
  interfaces: readonly HostInterface[],
): NodeAddresses {
  const listenAt = splitHostPort(listen);
  if (!listenAt) throw bad(`invalid ListenAddr "${listen}": address ${listen}: missing address or bad port`);
  const listenHost =
    addressOfInterface(listenAt.host, interfaces) ??
    requireIp(
      listenAt.host,
      'listen address must be an IP address or network interface (with optional port number)',
    );
  const listenPort = listenAt.port ?? CLUSTER_PORT;

  if (advertise === '') {
    const advertiseHost = isUnspecified(listenHost) ? onlyAddress(interfaces) : listenHost;
    return { listenHost, listenPort, advertiseHost, advertisePort: listenPort };
  }
  const notAnAddress =
    'advertise address must be a non-zero IP address or network interface (with optional port number)';
  const at = splitHostPort(advertise);
  if (!at) throw bad(notAnAddress);
  const advertiseHost = addressOfInterface(at.host, interfaces) ?? requireIp(at.host, notAnAddress);
  if (isUnspecified(advertiseHost)) throw bad(notAnAddress);
  if (
    isUnspecified(listenHost) &&
    !interfaces.some((i) => i.addresses.some((a) => sameIp(a, advertiseHost)))
  ) {
    // An address that others translate to this host is fine, as long as it is clear which address they reach here.
    try {
      onlyAddress(interfaces);
    } catch {
      throw bad(
        "must specify a listening address because the address to advertise is not recognized as a system address, and a system's IP address to use could not be uniquely identified",
      );
    }
  }
  return { listenHost, listenPort, advertiseHost, advertisePort: at.port ?? listenPort };
}

/** @throws ApiError 400 unless `address` is an address or interface that data can be sent to; returns the address. */
export function resolveDataPathAddress(address: string, interfaces: readonly HostInterface[]): string {
  const message =
    'data path address must be a non-zero IP address or network interface (without a port number)';
  const ip = addressOfInterface(address, interfaces) ?? requireIp(address, message);
  if (isUnspecified(ip)) throw bad(message);
  return ip;
}

/** `HOST:PORT` with brackets around an IPv6 address. */
export function hostPort(host: string, port: number): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Splits `HOST`, `HOST:PORT` or `[HOST]:PORT`; undefined if it is none of these. */
export function splitHostPort(text: string): { host: string; port?: number } | undefined {
  if (isIP(text)) return { host: text };
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  if (!match) return undefined;
  const port = match[3] === undefined ? undefined : Number(match[3]);
  if (port !== undefined && (port < 1 || port > 65535)) return undefined;
  return { host: match[1] ?? match[2]!, port };
}

function onlyAddress(interfaces: readonly HostInterface[]): string {
  const candidates = interfaces
    .filter((i) => i.external)
    .flatMap((i) => {
      const v4 = i.addresses.filter((a) => isIP(a) === 4);
      return (v4.length > 0 ? v4 : i.addresses).map((address) => ({ name: i.name, address }));
    });
  const [first, second] = candidates;
  if (!first) throw bad("could not find the system's IP address - specify one with --advertise-addr");
  if (!second) return first.address;
  const where =
    first.name === second.name
      ? `addresses on interface ${first.name} (${first.address} and ${second.address})`
      : `addresses on different interfaces (${first.address} on ${first.name} and ${second.address} on ${second.name})`;
  throw bad(
    `could not choose an IP address to advertise since this system has multiple ${where} - specify one with --advertise-addr`,
  );
}

function addressOfInterface(name: string, interfaces: readonly HostInterface[]): string | undefined {
  const found = interfaces.find((i) => i.name === name);
  if (!found) return undefined;
  const v4 = found.addresses.filter((a) => isIP(a) === 4);
  const usable = v4.length > 0 ? v4 : found.addresses;
  if (usable.length === 0) throw bad(`interface ${name} has no usable IPv4 or IPv6 address`);
  if (usable.length > 1)
    throw bad(
      `interface ${name} has more than one ${v4.length ? 'IPv4' : 'IPv6'} address (${usable[0]} and ${usable[1]})`,
    );
  return usable[0];
}

function requireIp(host: string, message: string): string {
  if (!isIP(host)) throw bad(message);
  return host;
}

export function isUnspecified(ip: string): boolean {
  return sameIp(ip, '0.0.0.0') || sameIp(ip, '::');
}

function sameIp(a: string, b: string): boolean {
  if (isIP(a) !== isIP(b) || isIP(a) === 0) return false;
  const family = isIP(a) === 6 ? 'ipv6' : 'ipv4';
  const list = new BlockList();
  list.addAddress(a, family);
  return list.check(b, family);
}
