/** A name server that knows one address for every name. usage: node name-server.ts LISTEN_ADDRESS ANSWER */
import { createSocket } from 'node:dgram';
import { decode, encode } from 'dns-packet';

const [address, data] = process.argv.slice(2);
const socket = createSocket('udp4');
socket.on('message', (message, { port, address: from }) => {
  const { id, questions } = decode(message);
  const [{ name, type }] = questions as [{ name: string; type: string }];
  const answers = type === 'A' ? [{ name, type: 'A' as const, data: data!, ttl: 1 }] : [];
  socket.send(encode({ type: 'response', id, questions, answers }), port, from);
});
socket.bind(53, address, () => process.stdout.write('ready\n'));
process.stdin.resume().on('end', () => socket.close());
