/** essaim(1), made of the command tree. */
import { commandTree, type Entry } from './tree.ts';

/** In the language of man(7). */
export async function manPage(version: string): Promise<string> {
  const tree = await commandTree();
  return `.TH ESSAIM 1 "" "essaim ${version}" "Essaim"
.SH NAME
essaim \\- a container orchestrator that is a drop\\-in for Docker Swarm
.SH SYNOPSIS
.B essaim
.I command
.RI [ options ]
.SH DESCRIPTION
Essaim turns hosts that run an ordinary Docker Engine into one swarm and keeps the declared services running on it.
It speaks the Docker Engine API: the
.BR docker (1)
command drives it, pointed at the daemon's socket.
.PP
.RS 4
.nf
export DOCKER_HOST=unix:///run/essaim/docker.sock
docker swarm init \\-\\-advertise\\-addr 10.0.0.1
.fi
.RE
.SH COMMANDS
${tree.children.flatMap((child) => section(child, [])).join('\n')}
.SH FILES
.TP
.I /etc/default/essaim
ESSAIM_OPTIONS: options of the daemon that the service starts.
.TP
.I /run/essaim/docker.sock
Where the API is served; cluster.sock beside it is all hosts of the swarm as one engine, on a manager.
.TP
.I /var/lib/essaim/daemon
The daemon's state.
.TP
.I /var/lib/essaim/machines, /var/lib/essaim/certs, ~/.essaim
Hosts made by "essaim machine" with their certificates: root's, and those of other users.
.SH ENVIRONMENT
.TP
.B DOCKER_HOST
Whose daemon is asked by the commands for the swarm.
.TP
.B ESSAIM_HOME
Where "essaim machine" keeps its hosts.
.SH SEE ALSO
.BR docker (1),
.BR dockerd (8)
`;
}

function section(entry: Entry, above: readonly string[]): string[] {
  const path = [...above, entry.name];
  const options = entry.options
    .filter(({ names }) => !names.includes('--help'))
    .map(({ flags, description }) => `.TP\n.B ${text(flags)}\n${text(description)}`);
  const usage = entry.children.length > 0 ? '' : ` ${text(entry.usage.replace('[options] ', ''))}`;
  return [
    `.SS "${text(['essaim', ...path].join(' '))}${usage.replaceAll('"', '')}"`,
    text(entry.description),
    ...options,
    ...entry.children.flatMap((child) => section(child, path)),
  ];
}

/** Without anything that roff would take for its own. */
function text(words: string): string {
  return words.replaceAll('\\', '\\e').replaceAll('-', '\\-').replace(/^([.'])/gm, '\\&$1');
}
