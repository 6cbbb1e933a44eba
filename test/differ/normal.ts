/** What differs between any two swarms, and what is put in its place before they are compared. */

/** Each applies to what the ones before it have left. */
const RULES: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [^-]+-----[\s\S]+?-----END [^-]+-----/g, '<pem>'],
  [/\bMFkw[A-Za-z0-9+/]+={0,2}/g, '<key>'],
  [/SWMTKN-1-[0-9a-z]{50}-[0-9a-z]{25}/g, '<token>'],
  [/SWMKEY-1-[A-Za-z0-9+/]{43}/g, '<unlock key>'],
  [/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '<uuid>'],
  [/\b(?:[A-Z0-9]{4}:){11}[A-Z0-9]{4}\b/g, '<id>'],
  // Digests and ids of the engine, of the swarm, their short forms.
  [/\b[0-9a-f]{64}\b/g, '<hash>'],
  [/\b[0-9a-z]{25}\b/g, '<id>'],
  [/^(\*?)[0-9a-z]{12}(?= {2}| \*|$)/gm, '$1<id>'],
  [/\b(?=[a-z]*[0-9])[0-9a-z]{12}\b/g, '<id>'],
  [/("ID":")[0-9a-z]{12}(?=")/g, '$1<id>'],
  [/\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, '<mac>'],
  // Times, and how long ago.
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)/g, '<time>'],
  [/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? \+0000 (?:UTC|utc)/g, '<time>'],
  [/\b(?:[Ll]ess than a second|[Aa]bout an? \w+|\d+ \w+) ago\b/g, '<ago>'],
  [/\bUp (?:Less than a second|About an? \w+|\d+ \w+)/g, 'Up <for>'],
  // Virtual addresses are given in another order.
  [/("Addr": ?")[\d.]+\/\d+/g, '$1<address>'],
  [/\bfd[0-9a-f]{2}:[0-9a-f:]+:1000::[0-9a-f]*/g, '<ipv6>'],
  [/(vxlanid_list": ?")[\d,]+/g, '$1<n>'],
  [/("time(?:Nano)?":)\d+/g, '$1<time>'],
  [/\/var\/tmp\/essaim-\w+/g, '<home>'],
  [/("Index": )\d+/g, '$1<n>'],
  // Columns are as wide as what is in them.
  [/ {2,}/g, '  '],
  [/ +$/gm, ''],
];

/** Lines of a progress display say how far it was when the CLI looked. */
const PROGRESS =
  /^(?:overall progress: .*|desired root digest: .*|\s*rotated (?:TLS|CA) certificates: .*|\d+\/\d+: .*|verify: Waiting .*|[0-9a-z]{12}: .*)$/;

/** What is to be compared of a text: with the addresses of the hosts as their names. */
export function normal(text: string, addresses: Readonly<Record<string, string>>): string {
  let result = text;
  for (const [name, address] of Object.entries(addresses)) result = result.replaceAll(address, `<${name}>`);
  result = result
    .split('\n')
    .filter((line) => !PROGRESS.test(line))
    .join('\n');
  for (const [found, put] of RULES) result = result.replace(found, put);
  return result;
}
