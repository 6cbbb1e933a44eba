/** Whether two specs say the same. */

/** Where zero or false is something else than saying nothing. */
const ZERO_COUNTS = new Set(['Init', 'StopGracePeriod', 'Delay', 'SwapBytes', 'MemorySwappiness']);
/** Maps with keys of the user's own, where a key with an empty value is not nothing. */
const MAPS = new Set(['Labels', 'Sysctls', 'Options', 'DriverOpts']);
/** Lists in no order, where what is said twice is said once. */
const SETS = new Set(['Aliases', 'CapabilityAdd', 'CapabilityDrop', 'Constraints', 'Groups', 'Hosts']);
/** Lists in no order: the docker CLI sorts some of them in one command and not in another. */
const BAGS = new Set([
  ...['Configs', 'GenericResources', 'Mounts', 'Networks', 'Platforms', 'Ports', 'Secrets', 'Ulimits'],
]);

/**
 * True if two specs, or what both have at `key`, say the same. Clients differ in how they say nothing: a missing key,
 * null, an empty text, list or object, 0 and false are the same, but for a few fields. They differ in the order of lists
 * as well, which counts only where it means something (a command's arguments, name servers, placement preferences).
 */
export function sameSpec(a: unknown, b: unknown, key = ''): boolean {
  return a === b || said(a, key) === said(b, key);
}

/** What a value says, as a text that is the same for all ways of saying it; '' for nothing. */
function said(value: unknown, key: string): string {
  if (value == null) return '';
  if (typeof value !== 'object') {
    const isZero = value === '' || value === 0 || value === false;
    return isZero && !ZERO_COUNTS.has(key) ? '' : JSON.stringify(value);
  }
  if (Array.isArray(value)) return saidByList(value, key);
  const entries = Object.entries(value).map(([name, inner]): [string, string] => [
    name,
    MAPS.has(key) ? JSON.stringify(inner) : said(inner, name),
  ]);
  const fields = entries
    .filter(([, text]) => text !== '')
    .map(([name, text]) => `${JSON.stringify(name)}:${text}`);
  return fields.length === 0 ? '' : `{${fields.sort().join()}}`;
}

function saidByList(list: readonly unknown[], key: string): string {
  if (list.length === 0) return '';
  const texts = (key === 'Env' ? lastOfEach(list) : list).map((value) => said(value, ''));
  if (SETS.has(key)) return `[${[...new Set(texts)].sort().join()}]`;
  return `[${(BAGS.has(key) || key === 'Env' ? texts.sort() : texts).join()}]`;
}

/** Of environment variables that are set more than once, the last word. */
function lastOfEach(variables: readonly unknown[]): unknown[] {
  return [...new Map(variables.map((variable) => [String(variable).split('=', 1)[0], variable])).values()];
}
