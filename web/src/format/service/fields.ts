/** The fields of a service's form: where each stands in the spec, how it is written, and which option of the docker command sets it. */
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
import { FieldError, idNamed, type Names, type ServiceSpec, valueAt, withValueAt } from './spec.ts';

export interface Field {
  key: string;
  section: string;
  label: string;
  help?: string;
  /** One line of text; one entry in each line; one of these. */
  kind: 'text' | 'lines' | 'choice';
  choices?: readonly string[];
  /** Undefined: the service has no such thing. */
  read(spec: ServiceSpec, names: Names): string | undefined;
  /** @throws FieldError */
  write(spec: ServiceSpec, value: string, names: Names): ServiceSpec;
  /** Options of `docker service update`. */
  flags(before: string, after: string): string[];
}

const CONTAINER = 'TaskTemplate.ContainerSpec';
const NANO = 1e9;

export const linesOf = (value: string): string[] =>
  value
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);

type Place = Pick<Field, 'key' | 'section' | 'label' | 'help'>;

function textField(place: Place, path: string, flag: string): Field {
  return {
    ...{ ...place, kind: 'text' },
    read: (spec) => String(valueAt(spec, path) ?? ''),
    write: (spec, value) => withValueAt(spec, path, value.trim() === '' ? undefined : value.trim()),
    flags: (_, after) => [`--${flag}`, after.trim()],
  };
}

/** A number with a unit that specs have in another one. `unit`: how many of theirs are one of ours. */
function numberField(place: Place, path: string, flag: string, unit = 1, suffix = ''): Field {
  return {
    ...{ ...place, kind: 'text' },
    read(spec) {
      const value = valueAt(spec, path);
      return typeof value === 'number' ? String(value / unit) : '';
    },
    write(spec, value) {
      if (value.trim() === '') return withValueAt(spec, path, undefined);
      const read = Number(value);
      if (!Number.isFinite(read) || read < 0 || (unit === 1 && !Number.isInteger(read)))
        throw new FieldError(`${place.label} takes a ${unit === 1 ? 'whole ' : ''}number, not ${value}`);
      return withValueAt(spec, path, Math.round(read * unit));
    },
    flags: (_, after) => [`--${flag}`, `${after.trim() || '0'}${suffix}`],
  };
}

const SIZES: Record<string, number> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** `512M`. */
function sizeField(place: Place, path: string, flag: string): Field {
  return {
    ...{ ...place, kind: 'text' },
    read(spec) {
      const value = valueAt(spec, path);
      if (typeof value !== 'number') return '';
      const [unit, size] = Object.entries(SIZES).findLast(([, each]) => value % each === 0)!;
      return `${value / size}${unit.toUpperCase()}`;
    },
    write(spec, value) {
      if (value.trim() === '') return withValueAt(spec, path, undefined);
      const [, count, unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(value.trim()) ?? [];
      if (count === undefined) throw new FieldError(`${place.label} takes a size like 512M, not ${value}`);
      return withValueAt(spec, path, Math.round(Number(count) * SIZES[unit.toLowerCase()]!));
    },
    flags: (_, after) => [`--${flag}`, after.trim() || '0'],
  };
}

function choiceField(place: Place, path: string, flag: string, choices: readonly string[]): Field {
  return {
    ...{ ...place, kind: 'choice', choices },
    read: (spec) => String(valueAt(spec, path) ?? choices[0]),
    write: (spec, value) => withValueAt(spec, path, value),
    flags: (_, after) => [`--${flag}`, after],
  };
}

/** What has to be added and taken away to make one list of the other. */
function changes(before: string, after: string): { added: string[]; gone: string[] } {
  const [a, b] = [linesOf(before), linesOf(after)];
  return { added: b.filter((line) => !a.includes(line)), gone: a.filter((line) => !b.includes(line)) };
}

const keyOf = (line: string): string => line.split('=', 1)[0]!;

function listFlags(flag: string, before: string, after: string, key = (line: string) => line): string[] {
  const { added, gone } = changes(before, after);
  const kept = new Set(added.map(key));
  return [
    ...gone
      .map(key)
      .filter((each) => !kept.has(each))
      .flatMap((each) => [`--${flag}-rm`, each]),
    ...added.flatMap((each) => [`--${flag}-add`, each]),
  ];
}

/** `NAME=value` in each line. A value of several lines can only be changed as YAML. */
function pairsField(place: Place, path: string, flag: string): Field {
  const isMap = path.endsWith('Labels');
  const entries = (spec: ServiceSpec): string[] => {
    const value = valueAt(spec, path) ?? (isMap ? {} : []);
    return isMap
      ? Object.entries(value as Record<string, string>).map((pair) => pair.join('='))
      : (value as string[]);
  };
  return {
    ...{ ...place, kind: 'lines' },
    read(spec) {
      const all = entries(spec);
      return all.some((each) => /\n|^\s|\s$/.test(each)) ? undefined : all.join('\n');
    },
    write(spec, value) {
      const lines = linesOf(value);
      const bad = lines.find((line) => !/^[^=\s][^=]*(=|$)/.test(line));
      if (bad !== undefined) throw new FieldError(`a line is NAME=value, not ${bad}`);
      if (!isMap) return withValueAt(spec, path, lines.length > 0 ? lines : undefined);
      const map = Object.fromEntries(
        lines.map((line) => [keyOf(line), line.includes('=') ? line.slice(keyOf(line).length + 1) : '']),
      );
      return withValueAt(spec, path, map);
    },
    flags: (before, after) => listFlags(flag, before, after, keyOf),
  };
}

/** Words of a command, one in each line. */
function wordsField(place: Place, path: string, flag: string): Field {
  return {
    ...{ ...place, kind: 'lines' },
    read(spec) {
      const words = (valueAt(spec, path) ?? []) as string[];
      return words.some((word) => /\n|^\s|\s$|^$/.test(word)) ? undefined : words.join('\n');
    },
    write: (spec, value) => withValueAt(spec, path, linesOf(value).length > 0 ? linesOf(value) : undefined),
    flags: (_, after) => [`--${flag}`, linesOf(after).join(' ')],
  };
}

function filesField(kind: 'Config' | 'Secret'): Field {
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

const NETWORKS: Field = {
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

const PORTS: Field = {
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

const MOUNTS: Field = {
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

const CONSTRAINTS: Field = {
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

/** Global services have one task on each node, and jobs run as often as they run. */
const REPLICAS: Field = {
  ...numberField(
    { key: 'replicas', section: 'Container', label: 'Replicas' },
    'Mode.Replicated.Replicas',
    'replicas',
  ),
  read: (spec) => (spec.Mode?.Replicated ? String(spec.Mode.Replicated.Replicas ?? 1) : undefined),
};

const at = (section: string, key: string, label: string, help?: string): Place => ({
  ...{ section, key, label },
  ...(help && { help }),
});
const resources = 'TaskTemplate.Resources';
const restart = 'TaskTemplate.RestartPolicy';

export const FIELDS: readonly Field[] = [
  textField(at('Container', 'image', 'Image'), `${CONTAINER}.Image`, 'image'),
  REPLICAS,
  wordsField(
    at('Container', 'command', 'Entrypoint', 'a word in each line'),
    `${CONTAINER}.Command`,
    'entrypoint',
  ),
  wordsField(at('Container', 'args', 'Arguments', 'a word in each line'), `${CONTAINER}.Args`, 'args'),
  textField(at('Container', 'user', 'User'), `${CONTAINER}.User`, 'user'),
  textField(at('Container', 'dir', 'Working directory'), `${CONTAINER}.Dir`, 'workdir'),
  textField(at('Container', 'hostname', 'Hostname'), `${CONTAINER}.Hostname`, 'hostname'),
  pairsField(at('Environment', 'env', 'Variables', 'NAME=value in each line'), `${CONTAINER}.Env`, 'env'),
  PORTS,
  NETWORKS,
  MOUNTS,
  filesField('Config'),
  filesField('Secret'),
  numberField(
    at('Resources', 'limitCpu', 'Processors, at most'),
    `${resources}.Limits.NanoCPUs`,
    'limit-cpu',
    NANO,
  ),
  sizeField(
    at('Resources', 'limitMemory', 'Memory, at most', '512M'),
    `${resources}.Limits.MemoryBytes`,
    'limit-memory',
  ),
  numberField(
    at('Resources', 'reserveCpu', 'Processors, reserved'),
    `${resources}.Reservations.NanoCPUs`,
    'reserve-cpu',
    NANO,
  ),
  sizeField(
    at('Resources', 'reserveMemory', 'Memory, reserved', '256M'),
    `${resources}.Reservations.MemoryBytes`,
    'reserve-memory',
  ),
  CONSTRAINTS,
  choiceField(
    at('Restarts', 'restartCondition', 'Started again'),
    `${restart}.Condition`,
    'restart-condition',
    ['any', 'on-failure', 'none'],
  ),
  numberField(
    at('Restarts', 'restartDelay', 'After, seconds'),
    `${restart}.Delay`,
    'restart-delay',
    NANO,
    's',
  ),
  numberField(
    at('Restarts', 'restartAttempts', 'At most so often'),
    `${restart}.MaxAttempts`,
    'restart-max-attempts',
  ),
  numberField(
    at('Restarts', 'grace', 'Time to stop, seconds'),
    `${CONTAINER}.StopGracePeriod`,
    'stop-grace-period',
    NANO,
    's',
  ),
  numberField(
    at('Updates', 'parallelism', 'So many at a time', '0: all at once'),
    'UpdateConfig.Parallelism',
    'update-parallelism',
  ),
  numberField(
    at('Updates', 'updateDelay', 'Pause between them, seconds'),
    'UpdateConfig.Delay',
    'update-delay',
    NANO,
    's',
  ),
  choiceField(at('Updates', 'order', 'Order'), 'UpdateConfig.Order', 'update-order', [
    'stop-first',
    'start-first',
  ]),
  choiceField(
    at('Updates', 'failureAction', 'When one fails'),
    'UpdateConfig.FailureAction',
    'update-failure-action',
    ['pause', 'continue', 'rollback'],
  ),
  pairsField(at('Labels', 'labels', 'Of the service', 'NAME=value in each line'), 'Labels', 'label'),
  pairsField(
    at('Labels', 'containerLabels', 'Of its containers', 'NAME=value in each line'),
    `${CONTAINER}.Labels`,
    'container-label',
  ),
];
