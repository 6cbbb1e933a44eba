/** Why etcd has ended, out of its log: clear words, and what is to be done. */

export type EndReason =
  /** It was told to. */
  | 'stopped'
  /** The others do not count it among them any more. */
  | 'removed'
  /** It has forgotten what it had promised the others: its folder is a copy put back, or an empty one. */
  | 'outdated'
  /** Its files cannot be read. */
  | 'damaged'
  /** The others do not know of it, or know of other members than it was told. */
  | 'not added'
  | 'unreachable'
  | 'port taken'
  | 'no such address'
  | 'disk full'
  | 'certificate'
  | 'too old'
  | 'cannot run'
  | 'killed'
  | 'unknown';

export interface MemberEnd {
  reason: EndReason;
  /** What is wrong and what to do. */
  message: string;
  /** 'again': it is started again. 'rejoin': only a new member can take its place: remove it, wipe its folder, join. */
  next: 'again' | 'rejoin' | 'none';
  /** The last lines of its log. */
  log: readonly string[];
}

/** What is known of an etcd that has ended. */
export interface EndFacts {
  /** Its log, as lines. */
  log: readonly string[];
  /** Undefined if they are not known, since it was not this daemon that started it. */
  code?: number | null | undefined;
  signal?: string | null | undefined;
  /** Why it could not be started at all. */
  failure?: Error | undefined;
  diskFull: boolean;
  folder: string;
  /** Its address for other members. */
  peer: string;
}

interface Rule {
  pattern: RegExp;
  reason: EndReason;
  next: MemberEnd['next'];
  text(facts: EndFacts): string;
}

const REJOIN = 'it has to be removed from the managers ("docker node demote") and be promoted again';

const RULES: readonly Rule[] = [
  {
    pattern: /data-dir used by this member must be removed/,
    reason: 'removed',
    next: 'rejoin',
    text: () =>
      'the other managers have removed this one from their etcd, and what it knows is worth nothing any more',
  },
  {
    pattern: /tocommit\(\d+\) is out of range/,
    reason: 'outdated',
    next: 'rejoin',
    text: ({ folder }) =>
      `the state in ${folder} is older than what this manager has told the others that it has (was the folder put back from a copy?): ${REJOIN}`,
  },
  {
    pattern: /no space left on device/,
    reason: 'disk full',
    next: 'again',
    text: ({ folder }) => `the disk of ${folder} is full: make room, etcd goes on by itself then`,
  },
  {
    pattern: /bind: address already in use/,
    reason: 'port taken',
    next: 'again',
    text: ({ peer }) =>
      `${peer} is taken by another program, and etcd needs it for the other managers: end that one ("ss -ltnp" names it)`,
  },
  {
    pattern: /bind: cannot assign requested address/,
    reason: 'no such address',
    next: 'again',
    text: ({ peer }) =>
      `${peer} is not an address of this host: give the host that address again, or this manager another one`,
  },
  {
    pattern: /could not retrieve cluster information/,
    reason: 'unreachable',
    next: 'again',
    text: () =>
      'none of the other managers can be reached on the port of etcd (TCP 2380), or none accepts this one’s certificate: look at firewalls and clocks',
  },
  {
    pattern: /error validating peerURLs|member count is unequal|unmatched member while checking PeerURLs/,
    reason: 'not added',
    next: 'rejoin',
    text: () =>
      'the other managers do not know this one as a member of their etcd, or have other members by now',
  },
  {
    pattern: /cannot be downgraded|invalid downgrade/,
    reason: 'too old',
    next: 'again',
    text: () =>
      'this host’s etcd is older than the one that has written its data: install the newer one again',
  },
  {
    pattern: /crc mismatch|checksum mismatch|found data inconsistency|failed to read WAL|invalid database/i,
    reason: 'damaged',
    next: 'rejoin',
    text: ({ folder }) => `the files in ${folder} are damaged: ${REJOIN}`,
  },
  {
    pattern:
      /open \S+\.(?:pem|crt|key)\b|tls: private key|tls: failed to (?:find|parse)|failed to parse certificate/,
    reason: 'certificate',
    next: 'again',
    text: () => 'the certificate of this manager for the other managers cannot be used',
  },
];

/** How many lines are told. */
const TOLD_LINES = 5;

export function explainEnd(facts: EndFacts): MemberEnd {
  const { log, code, signal, failure, folder } = facts;
  const told = { log: log.slice(-TOLD_LINES) };
  if (failure && !facts.diskFull) {
    return {
      reason: 'cannot run',
      message: `etcd cannot be started: ${failure.message}`,
      next: 'again',
      ...told,
    };
  }
  const last = log.filter(isLast);
  for (const { pattern, reason, next, text } of RULES) {
    const full = reason === 'disk full' && facts.diskFull;
    // On a full disk there is no room for a log either.
    if (full || last.some((line) => pattern.test(line)))
      return { reason, message: `etcd has ended: ${text(facts)}`, next, ...told };
  }
  if (signal === 'SIGKILL') {
    return {
      reason: 'killed',
      message: 'etcd was killed: by hand, or because memory had run out (see "dmesg")',
      next: 'again',
      ...told,
    };
  }
  const how = code === undefined ? '' : ` (${signal ?? `status ${code}`})`;
  return {
    reason: 'unknown',
    message: `etcd has ended${how}: its log is ${folder}/log, and ends with ${lastWords(log)}`,
    next: 'again',
    ...told,
  };
}

/**
 * Whether it has ended by what it says there: something fatal, a panic (which is no JSON), or that it was removed. Of other
 * things that go wrong there may be much, and it goes on.
 */
function isLast(line: string): boolean {
  return /^\{"level":"(?:fatal|panic)"|^[^{]|"data-dir used by this member must be removed"/.test(line);
}

/** The last thing that it has said that is worse than a notice. */
function lastWords(log: readonly string[]): string {
  const line = log.findLast((each) => each !== '' && !each.startsWith('{"level":"info"')) ?? log.at(-1);
  if (line === undefined) return 'nothing';
  try {
    const { msg, error } = JSON.parse(line) as { msg?: string; error?: string };
    return `"${[msg, error].filter(Boolean).join(': ')}"`;
  } catch {
    return `"${line.slice(0, 200)}"`;
  }
}
