/**
 * Both ends of a connection, for tests of the network. Without imports of the project: it runs in containers too.
 * `serve NAME PORT [ADDRESS]`: answers each TCP connection and each UDP packet, IPv4 and IPv6, with NAME and who asked.
 * `flow ADDRESS TIMES`: asks over UDP again and again from one port, prints who answers, one name a line.
 * `ask JSON`: asks all the questions of the list at once, prints the answers as JSON.
 */
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { pathToFileURL } from 'node:url';

export interface Question {
  protocol: 'tcp' | 'udp';
  address: string;
  port: number;
}

/** Whose answer it is and whom it saw asking; the error's code, or 'silence', if there is none. */
export interface ProbeAnswer {
  name?: string;
  client?: string;
  error?: string;
}

const PATIENCE = 1500;
const plain = (address: string | undefined): string => (address ?? '').replace('::ffff:', '');

function serve(name: string, port: number, address?: string): void {
  createServer((socket) => {
    socket.on('error', () => {});
    socket.write(`${name} ${plain(socket.remoteAddress)}\n`);
    // The connection stays: what comes in goes back.
    socket.pipe(socket);
  }).listen(port, address ?? '::');
  for (const [type, everywhere] of [
    ['udp4', '0.0.0.0'],
    ['udp6', '::'],
  ] as const) {
    if (address !== undefined && type === 'udp6') continue;
    const socket = createSocket({ type, ipv6Only: type === 'udp6' });
    socket.on('message', (_, { address: from, port: fromPort }) =>
      socket.send(`${name} ${from}\n`, fromPort, from),
    );
    socket.bind(port, address ?? everywhere);
  }
}

function flow(address: string, times: number): void {
  const socket = createSocket('udp4');
  socket.on('message', (text) => process.stdout.write(`${text.toString().split(' ')[0]}\n`));
  let left = times;
  const send = (): void => {
    if (left-- === 0) socket.close();
    else socket.send('?', 7000, address, () => setTimeout(send, 150));
  };
  send();
}

function ask({ protocol, address, port }: Question): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const answer = (text: Buffer): void => {
      const [name, client] = text.toString().trim().split(' ');
      end({ name, client });
    };
    const fail = (error: NodeJS.ErrnoException): void => end({ error: error.code ?? error.message });
    const patience = setTimeout(() => end({ error: 'silence' }), PATIENCE);
    let end: (result: ProbeAnswer) => void;
    if (protocol === 'tcp') {
      const socket = connect(port, address).on('data', answer).on('error', fail);
      end = (result) => {
        clearTimeout(patience);
        socket.destroy();
        resolve(result);
      };
    } else {
      const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
      let open = true;
      end = (result) => {
        clearTimeout(patience);
        if (open) socket.close();
        open = false;
        resolve(result);
      };
      // Connected, so that a refusal is heard.
      socket.on('message', answer).on('error', fail);
      const connected = (error?: NodeJS.ErrnoException): void => (error ? fail(error) : socket.send('?'));
      // The callback is told of a failure although its type does not say so.
      socket.connect(port, address, connected as () => void);
    }
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [mode, ...args] = process.argv.slice(2);
  if (mode === 'serve') serve(args[0]!, Number(args[1]), args[2]);
  else if (mode === 'flow') flow(args[0]!, Number(args[1]));
  else {
    const questions = JSON.parse(args[0]!) as Question[];
    process.stdout.write(`${JSON.stringify(await Promise.all(questions.map(ask)))}\n`);
  }
}
