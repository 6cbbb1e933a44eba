/** What a compose file says besides its services: networks, secrets, configs, volumes, by the names that they get. */
import type { ConfigSpec, NetworkSpec, SecretSpec } from '../model/spec.ts';
import { externalName, isExternal } from './mounts.ts';
import { ComposeError, type Path } from './problem.ts';
import { boolean, type Dict, dict, integer, isDict, labels, list, text } from './read.ts';

const NAMESPACE = 'com.docker.stack.namespace';

export interface Stack {
  name: string;
  /** Text by name: what stands beside the compose file. */
  files: Readonly<Record<string, string>>;
  /** As `.env` and whoever deploys set them. */
  variables: Readonly<Record<string, string>>;
  networks: Dict;
  volumes: Dict;
  secrets: Dict;
  configs: Dict;
  /** The swarm's name of one of the file's networks; undefined if there is no such network. */
  networkName(name: string): string | undefined;
}

/** A secret or config in a service: which, and where its content is to be seen. */
export interface FileReference {
  /** Of the swarm's object. */
  name: string;
  path: Path;
  file: { Name: string; UID: string; GID: string; Mode: number };
}

export function stackOf(
  name: string,
  content: Dict,
  { files, variables }: Pick<Stack, 'files' | 'variables'>,
): Stack {
  const networks = dict(content.networks, ['networks']);
  return {
    ...{ name, files, variables, networks },
    volumes: dict(content.volumes, ['volumes']),
    secrets: dict(content.secrets, ['secrets']),
    configs: dict(content.configs, ['configs']),
    networkName(network) {
      if (network === 'default' && !(network in networks)) return `${name}_default`;
      if (!(network in networks)) return undefined;
      const path = ['networks', network];
      const raw = dict(networks[network], path);
      if (isExternal(raw, path)) return externalName(raw, path) ?? network;
      return text(raw.name, [...path, 'name']) ?? `${name}_${network}`;
    },
  };
}

/** The networks that are to be made, of those that services use; the others have to be there. */
export function networkSpecs(
  stack: Stack,
  used: ReadonlySet<string>,
): { specs: NetworkSpec[]; external: string[] } {
  const specs: NetworkSpec[] = [];
  const external: string[] = [];
  for (const key of new Set([...Object.keys(stack.networks), 'default'])) {
    const Name = stack.networkName(key)!;
    if (!used.has(Name)) continue;
    const path: Path = ['networks', key];
    const raw = dict(stack.networks[key], path);
    if (isExternal(raw, path)) {
      external.push(Name);
      continue;
    }
    const ipam = dict(raw.ipam, [...path, 'ipam']);
    const config = list(ipam.config, [...path, 'ipam', 'config']).map((each, index) => {
      const at = [...path, 'ipam', 'config', index];
      const { subnet, gateway, ip_range } = dict(each, at);
      return {
        ...(subnet !== undefined && { Subnet: text(subnet, at) }),
        ...(gateway !== undefined && { Gateway: text(gateway, at) }),
        ...(ip_range !== undefined && { IPRange: text(ip_range, at) }),
      };
    });
    specs.push({
      Name,
      Driver: text(raw.driver, [...path, 'driver']) ?? 'overlay',
      Labels: { ...labels(raw.labels, [...path, 'labels']), [NAMESPACE]: stack.name },
      ...(raw.driver_opts != null && { Options: labels(raw.driver_opts, [...path, 'driver_opts']) }),
      ...(boolean(raw.internal, [...path, 'internal']) && { Internal: true }),
      ...(boolean(raw.attachable, [...path, 'attachable']) && { Attachable: true }),
      ...(boolean(raw.enable_ipv6, [...path, 'enable_ipv6']) && { EnableIPv6: true }),
      ...((ipam.driver !== undefined || config.length > 0) && {
        IPAM: {
          ...(ipam.driver !== undefined && { Driver: text(ipam.driver, [...path, 'ipam', 'driver']) }),
          ...(config.length > 0 && { Config: config }),
        },
      }),
    });
  }
  return { specs, external };
}

/** The file's own secrets or configs, with their content; base64. */
export function contentSpecs(kind: 'secrets' | 'configs', stack: Stack): Array<SecretSpec & ConfigSpec> {
  return Object.entries(stack[kind]).flatMap(([key, value]) => {
    const path: Path = [kind, key];
    const raw = dict(value, path);
    if (isExternal(raw, path)) return [];
    const driver = text(raw.template_driver, [...path, 'template_driver']);
    return [
      {
        Name: contentName(kind, key, stack)!,
        Labels: { ...labels(raw.labels, [...path, 'labels']), [NAMESPACE]: stack.name },
        Data: Buffer.from(contentOf(raw, path, stack)).toString('base64'),
        ...(driver && { Templating: { Name: driver } }),
      },
    ];
  });
}

function contentOf(raw: Dict, path: Path, { files, variables }: Stack): string {
  const content = text(raw.content, [...path, 'content']);
  if (content !== undefined) return content;
  const variable = text(raw.environment, [...path, 'environment']);
  if (variable !== undefined) {
    const value = variables[variable];
    if (value === undefined) throw new ComposeError(path, `the variable ${variable} is not set`);
    return value;
  }
  const file = text(raw.file, [...path, 'file'])?.replace(/^\.\//, '');
  if (file === undefined)
    throw new ComposeError(path, 'say where its content is: file, content, or external: true');
  const found = files[file];
  if (found === undefined)
    throw new ComposeError([...path, 'file'], `there is no file ${file}: add it beside this one`);
  return found;
}

function contentName(kind: 'secrets' | 'configs', key: string, stack: Stack): string | undefined {
  if (!(key in stack[kind])) return undefined;
  const path: Path = [kind, key];
  const raw = dict(stack[kind][key], path);
  if (isExternal(raw, path)) return externalName(raw, path) ?? key;
  return text(raw.name, [...path, 'name']) ?? `${stack.name}_${key}`;
}

/** What a service uses of the file's secrets or configs. */
export function fileReferences(
  kind: 'secrets' | 'configs',
  raw: unknown,
  path: Path,
  stack: Stack,
): FileReference[] {
  return list(raw, path)
    .map((value, index) => {
      const at: Path = [...path, index];
      const long = isDict(value) ? value : { source: value };
      const key = text(long.source, [...at, 'source']) ?? '';
      const name = contentName(kind, key, stack);
      if (name === undefined)
        throw new ComposeError(at, `there is no ${kind.slice(0, -1)} ${key}: name it under ${kind}`);
      const target = text(long.target, [...at, 'target']) ?? key;
      return {
        ...{ name, path: at },
        file: {
          Name: target,
          UID: text(long.uid, [...at, 'uid']) ?? '0',
          GID: text(long.gid, [...at, 'gid']) ?? '0',
          Mode: integer(long.mode, [...at, 'mode']) ?? 0o444,
        },
      };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
