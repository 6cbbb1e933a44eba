/** Commands that do what a dialog does, to be copied. */

/** A word of a shell, quoted where it has to be. */
export const word = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** For what no docker command does. `host` as browsers name it. */
export function curl(host: string, method: string, path: string, body?: object): string {
  const data = body && ` -H 'Content-Type: application/json' -d ${word(JSON.stringify(body))}`;
  return `curl --cacert ca.pem -H 'Authorization: Bearer TOKEN' -X ${method} ${word(`https://${host}${path}`)}${data ?? ''}`;
}

/** What the API is asked for a new overlay. `kinds`: of `attachable`, `encrypted`, `internal`. */
export function networkOf(name: string, kinds: readonly string[], subnet: string): object {
  return {
    ...{ Name: name, Driver: 'overlay' },
    ...(kinds.includes('attachable') && { Attachable: true }),
    ...(kinds.includes('internal') && { Internal: true }),
    ...(kinds.includes('encrypted') && { Options: { encrypted: '' } }),
    ...(subnet && { IPAM: { Config: [{ Subnet: subnet }] } }),
  };
}

export function networkCommand(name: string, kinds: readonly string[], subnet: string): string {
  const options = kinds.map((kind) => (kind === 'encrypted' ? '--opt encrypted' : `--${kind}`));
  const all = ['--driver overlay', ...options, ...(subnet ? [`--subnet ${word(subnet)}`] : [])];
  return `docker network create ${all.join(' ')} ${word(name || 'NAME')}`;
}

type Labels = Readonly<Record<string, string>>;

export function labelCommand(node: string, before: Labels, after: Labels): string {
  const added = Object.entries(after).filter(([name, value]) => before[name] !== value);
  const removed = Object.keys(before).filter((name) => !(name in after));
  const options = [
    ...added.map(([name, value]) => `--label-add ${word(value === '' ? name : `${name}=${value}`)}`),
    ...removed.map((name) => `--label-rm ${word(name)}`),
  ];
  return `docker node update ${[...options, word(node)].join(' ')}`;
}
