/** Ports, mounts and files of a service as lines that people write. */
import { FieldError, idNamed } from './spec.ts';

export interface Port {
  Protocol?: string;
  TargetPort?: number;
  PublishedPort?: number;
  PublishMode?: string;
}

/** `8080:80`, `53:53/udp`, `host 80:80`; without a published port `80`. */
export function portLine({ Protocol, TargetPort, PublishedPort, PublishMode }: Port): string {
  const host = PublishMode === 'host' ? 'host ' : '';
  const published = PublishedPort ? `${PublishedPort}:` : '';
  return `${host}${published}${TargetPort}${Protocol && Protocol !== 'tcp' ? `/${Protocol}` : ''}`;
}

export function readPort(line: string): Port {
  const [, host, published, target, protocol = 'tcp'] =
    /^(host\s+)?(?:(\d+):)?(\d+)(?:\/(tcp|udp|sctp))?$/.exec(line) ?? [];
  if (target === undefined || Number(target) > 65_535 || Number(published ?? 0) > 65_535)
    throw new FieldError(`a port is written 8080:80, 53:53/udp or host 80:80, not ${line}`);
  return {
    ...{ Protocol: protocol, TargetPort: Number(target) },
    ...(published && { PublishedPort: Number(published) }),
    PublishMode: host ? 'host' : 'ingress',
  };
}

export interface Mount {
  Type?: string;
  Source?: string;
  Target?: string;
  ReadOnly?: boolean;
}

/** `volume data:/data`, `bind /srv:/srv:ro`, `tmpfs /tmp`. */
export function mountLine({ Type, Source, Target, ReadOnly }: Mount): string {
  return `${Type} ${Source ? `${Source}:` : ''}${Target}${ReadOnly ? ':ro' : ''}`;
}

export function readMount(line: string): Mount {
  const [, type = '', rest = ''] = /^(volume|bind|tmpfs)\s+(\S.*)$/.exec(line) ?? [];
  const parts = rest.split(':');
  const isReadOnly = parts.at(-1) === 'ro';
  const [source, target] = isReadOnly ? parts.slice(0, -1) : parts;
  const hasSource = target !== undefined;
  if (!type || parts.length > (isReadOnly ? 3 : 2) || !(target ?? source)?.startsWith('/'))
    throw new FieldError(
      `a mount is written volume data:/data, bind /srv:/srv:ro or tmpfs /tmp, not ${line}`,
    );
  return {
    ...{ Type: type, ...(hasSource && { Source: source }), Target: hasSource ? target : source },
    ...(isReadOnly && { ReadOnly: true }),
  };
}

/** As `--mount` of the docker command. */
export function mountFlag(line: string): string {
  const { Type, Source, Target, ReadOnly } = readMount(line);
  return `type=${Type}${Source ? `,source=${Source}` : ''},target=${Target}${ReadOnly ? ',readonly' : ''}`;
}

export interface FileReference {
  File?: { Name?: string; UID?: string; GID?: string; Mode?: number };
  [name: string]: unknown;
}

/** `page:/srv/page.html`, or the name alone. */
export function fileLine(kind: 'Config' | 'Secret', reference: FileReference): string {
  const name = String(reference[`${kind}Name`] ?? '');
  const target = reference.File?.Name ?? name;
  return target === name ? name : `${name}:${target}`;
}

export function readFileLine(
  kind: 'Config' | 'Secret',
  line: string,
  names: ReadonlyMap<string, string>,
): FileReference {
  const [name = '', target = name] = line.split(':');
  const id = idNamed(names, name);
  if (id === undefined) throw new FieldError(`there is no ${kind.toLowerCase()} ${name}`);
  return {
    File: { Name: target, UID: '0', GID: '0', Mode: 0o444 },
    ...{ [`${kind}ID`]: id, [`${kind}Name`]: name },
  };
}

/** Objects of a list as they were where their lines are the same; what is new is read. */
export function mergedLines<T>(
  before: readonly T[],
  lines: readonly string[],
  lineOf: (each: T) => string,
  read: (line: string) => T,
): T[] | undefined {
  const known = new Map(before.map((each) => [lineOf(each), each]));
  return lines.length === 0 ? undefined : lines.map((line) => known.get(line) ?? read(line));
}
