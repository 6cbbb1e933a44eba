/** Ports and volumes of services, in their short and their long forms. */
import type { Mount, PortConfig } from '../model/spec.ts';
import { ComposeError, type Path } from './problem.ts';
import { boolean, type Dict, dict, integer, isDict, labels, size, text } from './read.ts';

/** The published ports that an entry stands for: `8080:80`, `8000-8001:80-81/udp`, or a mapping. */
export function portsOf(value: unknown, path: Path): PortConfig[] {
  if (isDict(value)) {
    const { target, published, protocol, mode } = value;
    const TargetPort = integer(target, [...path, 'target']);
    if (TargetPort === undefined) throw new ComposeError(path, 'a port has a target');
    return [
      {
        Protocol: text(protocol, [...path, 'protocol']) ?? 'tcp',
        TargetPort: port(TargetPort, path),
        PublishedPort: port(integer(published, [...path, 'published']) ?? 0, path),
        PublishMode: text(mode, [...path, 'mode']) ?? 'ingress',
      },
    ];
  }
  const written = text(value, path) ?? '';
  const [, outside, inside, protocol] =
    /^(?:(?:\[[^\]]*\]:|[\d.]+:)?(\d*(?:-\d+)?):)?(\d+(?:-\d+)?)(?:\/(tcp|udp|sctp))?$/.exec(written) ?? [];
  if (inside === undefined)
    throw new ComposeError(
      path,
      `a port is written 8080:80 (published:target), not ${JSON.stringify(written)}`,
    );
  const targets = range(inside, path);
  const published = outside ? range(outside, path) : targets.map(() => 0);
  if (published.length !== targets.length)
    throw new ComposeError(path, `${written}: as many ports have to be published as there are`);
  return targets.map((TargetPort, index) => ({
    Protocol: protocol ?? 'tcp',
    TargetPort,
    PublishedPort: published[index]!,
    PublishMode: 'ingress',
  }));
}

function range(written: string, path: Path): number[] {
  const [first, last = first] = written.split('-').map(Number);
  if (last! < first! || last! - first! > 1_000)
    throw new ComposeError(path, `${written} is no range of ports`);
  return Array.from({ length: last! - first! + 1 }, (_, index) => port(first! + index, path));
}

function port(value: number, path: Path): number {
  if (value >= 0 && value <= 65_535) return value;
  throw new ComposeError(path, `${value} is no port`);
}

export interface VolumeContext {
  stack: string;
  /** The file's volumes. */
  volumes: Dict;
}

/** The mount that an entry stands for: `data:/data:ro`, `./page:/page`, or a mapping. */
export function mountOf(value: unknown, path: Path, context: VolumeContext): Mount {
  const written = isDict(value) ? longForm(value, path) : shortForm(text(value, path) ?? '', path);
  if (!written.Target) throw new ComposeError(path, 'a volume has a target: the place in the container');
  if (written.Type === 'bind') {
    if (written.Source && !written.Source.startsWith('/'))
      throw new ComposeError(
        path,
        `${written.Source} is a place beside this file, and there is none on the hosts: use a config, a volume, or a path from /`,
      );
    return written;
  }
  return written.Type === 'volume' && written.Source ? withVolume(written, path, context) : written;
}

function shortForm(written: string, path: Path): Mount {
  const parts = written.split(':');
  if (parts.length > 3 || parts.some((part) => part === ''))
    throw new ComposeError(
      path,
      `a volume is written name:/place or name:/place:ro, not ${JSON.stringify(written)}`,
    );
  if (parts.length === 1) return { Type: 'volume', Target: parts[0]! };
  const [source, target, options = ''] = parts as [string, string, string?];
  const isBind = /^[/.~]/.test(source);
  const mount: Mount = { Type: isBind ? 'bind' : 'volume', Source: source, Target: target };
  for (const option of options.split(',').filter(Boolean)) {
    if (option === 'ro') mount.ReadOnly = true;
    else if (option === 'nocopy') mount.VolumeOptions = { ...mount.VolumeOptions, NoCopy: true };
    else if (/^r?(shared|slave|private)$/.test(option)) mount.BindOptions = { Propagation: option };
    // rw is how it is; z and Z are labels of SELinux that a swarm does not set.
    else if (!['rw', 'z', 'Z', 'cached', 'delegated', 'consistent'].includes(option))
      throw new ComposeError(path, `a volume has no option ${option}`);
  }
  return mount;
}

function longForm(value: Dict, path: Path): Mount {
  const type = text(value.type, [...path, 'type']) ?? 'volume';
  if (!['volume', 'bind', 'tmpfs', 'npipe', 'cluster'].includes(type))
    throw new ComposeError([...path, 'type'], `a volume’s type is volume, bind or tmpfs, not ${type}`);
  const { propagation } = dict(value.bind, [...path, 'bind']);
  const { nocopy, subpath } = dict(value.volume, [...path, 'volume']);
  const tmpfs = dict(value.tmpfs, [...path, 'tmpfs']);
  const mount: Mount = { Type: type, Target: text(value.target, [...path, 'target']) };
  const source = text(value.source, [...path, 'source']);
  if (source !== undefined) mount.Source = source;
  if (boolean(value.read_only, [...path, 'read_only'])) mount.ReadOnly = true;
  if (propagation !== undefined) mount.BindOptions = { Propagation: text(propagation, [...path, 'bind']) };
  if (nocopy !== undefined || subpath !== undefined)
    mount.VolumeOptions = {
      ...(nocopy !== undefined && { NoCopy: boolean(nocopy, [...path, 'volume', 'nocopy']) }),
      ...(subpath !== undefined && { Subpath: text(subpath, [...path, 'volume', 'subpath']) }),
    };
  if (tmpfs.size !== undefined)
    mount.TmpfsOptions = { SizeBytes: size(tmpfs.size, [...path, 'tmpfs', 'size']) };
  return mount;
}

function withVolume(mount: Mount, path: Path, { stack, volumes }: VolumeContext): Mount {
  const name = mount.Source!;
  if (!(name in volumes)) throw new ComposeError(path, `there is no volume ${name}: name it under volumes`);
  const at: Path = ['volumes', name];
  const volume = dict(volumes[name], at);
  const options: NonNullable<Mount['VolumeOptions']> = { ...mount.VolumeOptions };
  const given = text(volume.name, [...at, 'name']);
  if (isExternal(volume, at)) return { ...mount, Source: externalName(volume, at) ?? name };
  options.Labels = { ...labels(volume.labels, [...at, 'labels']), 'com.docker.stack.namespace': stack };
  const driver = text(volume.driver, [...at, 'driver']);
  const driverOptions = labels(volume.driver_opts, [...at, 'driver_opts']);
  if (driver || Object.keys(driverOptions).length > 0)
    options.DriverConfig = {
      ...(driver && { Name: driver }),
      ...(Object.keys(driverOptions).length > 0 && { Options: driverOptions }),
    };
  return { ...mount, Source: given ?? `${stack}_${name}`, VolumeOptions: options };
}

/** `external: true`, or the older `external: {name: …}`. */
export function isExternal({ external }: Dict, path: Path): boolean {
  return isDict(external) || boolean(external, [...path, 'external']) === true;
}

export function externalName({ external, name }: Dict, path: Path): string | undefined {
  return (
    text(name, [...path, 'name']) ??
    (isDict(external) ? text(external.name, [...path, 'external', 'name']) : undefined)
  );
}
