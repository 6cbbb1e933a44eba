/** Fields of a service's form that are lists of things with a form of their own: files, networks, ports, mounts, constraints. */
import { CONTAINER, changes, type Field, linesOf, listFlags } from './kinds.ts';
import {
  type FileReference,
  fileLine,
  type Mount,
  mergedLines,
  mountFlag,
  mountLine,
  type Port,
  portLine,
  readFileLine,
  readMount,
  readPort,
} from './lines.ts';
import { FieldError, idNamed, type ServiceSpec, valueAt, withValueAt } from './spec.ts';

export function filesField(kind: 'Config' | 'Secret'): Field {
  const path = `${CONTAINER}.${kind}s`;
  const all = (spec: ServiceSpec) => (valueAt(spec, path) ?? []) as FileReference[];
  return {
    key: `${kind.toLowerCase()}s`,
    section: 'Configs and secrets',
    label: `${kind}s`,
    help: 'name:/place in each line',
    kind: 'lines',
    read: (spec) =>
      all(spec)
        .map((each) => fileLine(kind, each))
        .join('\n'),
    write: (spec, value, names) =>
      withValueAt(
        spec,
        path,
        mergedLines(
          all(spec),
          linesOf(value),
          (each) => fileLine(kind, each),
          (line) => readFileLine(kind, line, kind === 'Config' ? names.configs : names.secrets),
        ),
      ),
    flags(before, after) {
      const { added, gone } = changes(before, after);
      const flag = kind.toLowerCase();
      return [
        ...gone.flatMap((line) => [`--${flag}-rm`, line.split(':', 1)[0]!]),
        ...added.flatMap((line) => {
          const [name, target = name] = line.split(':');
          return [`--${flag}-add`, `source=${name},target=${target}`];
        }),
      ];
    },
  };
}

export const NETWORKS: Field = {
  ...{ key: 'networks', section: 'Networks and ports', label: 'Networks', kind: 'lines' },
  read: (spec, names) =>
    ((valueAt(spec, 'TaskTemplate.Networks') ?? []) as Array<{ Target: string }>)
      .map(({ Target }) => names.networks.get(Target) ?? Target)
      .join('\n'),
  write(spec, value, names) {
    const before = (valueAt(spec, 'TaskTemplate.Networks') ?? []) as Array<{ Target: string }>;
    const lineOf = ({ Target }: { Target: string }) => names.networks.get(Target) ?? Target;
    const read = (line: string) => {
      const Target = idNamed(names.networks, line);
      if (Target === undefined) throw new FieldError(`there is no network ${line}`);
      return { Target };
    };
    return withValueAt(spec, 'TaskTemplate.Networks', mergedLines(before, linesOf(value), lineOf, read));
  },
  flags: (before, after) => listFlags('network', before, after),
};

export const PORTS: Field = {
  ...{ key: 'ports', section: 'Networks and ports', label: 'Ports', kind: 'lines' },
  help: '8080:80, 53:53/udp, host 80:80',
  read: (spec) => ((valueAt(spec, 'EndpointSpec.Ports') ?? []) as Port[]).map(portLine).join('\n'),
  write: (spec, value) =>
    withValueAt(
      spec,
      'EndpointSpec.Ports',
      mergedLines((valueAt(spec, 'EndpointSpec.Ports') ?? []) as Port[], linesOf(value), portLine, readPort),
    ),
  flags(before, after) {
    const { added, gone } = changes(before, after);
    const flag = (line: string) => {
      const { Protocol, TargetPort, PublishedPort, PublishMode } = readPort(line);
      const published = PublishedPort ? `published=${PublishedPort},` : '';
      return `${published}target=${TargetPort},protocol=${Protocol},mode=${PublishMode}`;
    };
    return [
      ...gone.flatMap((line) => ['--publish-rm', flag(line)]),
      ...added.flatMap((line) => ['--publish-add', flag(line)]),
    ];
  },
};

export const MOUNTS: Field = {
  ...{ key: 'mounts', section: 'Storage', label: 'Mounts', kind: 'lines' },
  help: 'volume data:/data, bind /srv:/srv:ro, tmpfs /tmp',
  read: (spec) => ((valueAt(spec, `${CONTAINER}.Mounts`) ?? []) as Mount[]).map(mountLine).join('\n'),
  write: (spec, value) =>
    withValueAt(
      spec,
      `${CONTAINER}.Mounts`,
      mergedLines(
        (valueAt(spec, `${CONTAINER}.Mounts`) ?? []) as Mount[],
        linesOf(value),
        mountLine,
        readMount,
      ),
    ),
  flags(before, after) {
    const { added, gone } = changes(before, after);
    return [
      ...gone.flatMap((line) => ['--mount-rm', readMount(line).Target!]),
      ...added.flatMap((line) => ['--mount-add', mountFlag(line)]),
    ];
  },
};

export const CONSTRAINTS: Field = {
  ...{ key: 'constraints', section: 'Placement', label: 'Constraints', kind: 'lines' },
  help: 'node.labels.disk==ssd in each line',
  read: (spec) => ((valueAt(spec, 'TaskTemplate.Placement.Constraints') ?? []) as string[]).join('\n'),
  write: (spec, value) =>
    withValueAt(
      spec,
      'TaskTemplate.Placement.Constraints',
      linesOf(value).length > 0 ? linesOf(value) : undefined,
    ),
  flags: (before, after) => listFlags('constraint', before, after),
};
