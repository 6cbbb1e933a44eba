/**
 * SCTP associations being set up, packet by packet: not every kernel has the protocol's sockets, but any passes its packets
 * on. They are sent through raw sockets, by Perl since Node has none, and seen by rules of nftables that write them down.
 */
const INIT = 1;
const INIT_ACK = 2;
const PROTOCOL = 132;

/** Shell commands: what comes in is written down from now on. */
export const WATCH = `nft -f - <<'END'
add table ip watch
add set ip watch seen { type ipv4_addr . inet_service . inet_service; flags dynamic; }
add chain ip watch input { type filter hook input priority filter; }
add rule ip watch input add @seen { ip saddr . sctp sport . sctp dport }
END
`;
/** Prints what has come in, for `readSeen`. */
export const SEEN = 'nft -j list set ip watch seen\n';

/** @returns `ADDRESS SOURCE-PORT DESTINATION-PORT` of each */
export function readSeen(output: string): string[] {
  const { nftables } = JSON.parse(output) as {
    nftables: Array<{ set?: { elem?: Array<{ concat: Array<string | number> }> } }>;
  };
  return nftables.flatMap(({ set }) => set?.elem ?? []).map(({ concat }) => concat.join(' '));
}

export interface Ports {
  from: number;
  to: number;
}

/** A shell command that asks for an association, whose packets are known by the tag. */
export function sendInit(address: string, ports: Ports, tag: number): string {
  return send(address, packet(ports, 0, INIT, tag));
}

/** A shell command that agrees to what was asked for with the tag. */
export function sendInitAck(address: string, ports: Ports, tag: number): string {
  return send(address, packet(ports, tag, INIT_ACK, tag + 1));
}

function send(address: string, bytes: Buffer): string {
  const socket = `socket(my $s, PF_INET, SOCK_RAW, ${PROTOCOL}) or die $!`;
  const to = `pack_sockaddr_in(0, inet_aton("${address}"))`;
  return `perl -MSocket -e '${socket}; defined send($s, pack("H*", "${bytes.toString('hex')}"), 0, ${to}) or die $!'\n`;
}

/** RFC 9260: the common header, then one chunk with the sender's tag, window, numbers of streams and of the first one. */
function packet({ from, to }: Ports, verificationTag: number, type: number, initiateTag: number): Buffer {
  const cookie = type === INIT_ACK ? [0, 7, 0, 8, 1, 2, 3, 4] : [];
  const bytes = Buffer.alloc(32 + cookie.length);
  bytes.writeUInt16BE(from, 0);
  bytes.writeUInt16BE(to, 2);
  bytes.writeUInt32BE(verificationTag, 4);
  bytes[12] = type;
  bytes.writeUInt16BE(bytes.length - 12, 14);
  bytes.writeUInt32BE(initiateTag, 16);
  bytes.writeUInt32BE(65_536, 20);
  bytes.writeUInt16BE(1, 24);
  bytes.writeUInt16BE(1, 26);
  bytes.writeUInt32BE(initiateTag, 28);
  bytes.set(cookie, 32);
  bytes.writeUInt32LE(crc32c(bytes), 8);
  return bytes;
}

/** Castagnoli's. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}
