/** What may be asked of a network of the cluster, with Docker's texts where Docker says something about it. */
import { formatSubnet, overlaps, parseSubnet, type Subnet } from '../../../model/cidr.ts';
import { taskTemplate } from '../../../model/defaults.ts';
import { ApiError, rpcError } from '../../../model/errors.ts';
import { isNodeLocal, isPredefined } from '../../../model/node-local.ts';
import type { Attachment } from '../../../model/objects.ts';
import type { IPAMConfig, NetworkSpec } from '../../../model/spec.ts';
import type { View } from '../../../store/contract.ts';
import { validateName } from '../names.ts';
import { validateAddresses } from './ipam.ts';

/** Networks that each node has, and the cluster by the same name. */
const PREDEFINED = new Set(['bridge', 'host']);
/** Names that mean a network of the engine's, though the cluster has none of that name. */
const KEPT = new Set(['none', 'default']);
/** Drivers of networks that each node has for itself. */
const LOCAL_DRIVERS = new Set(['bridge', 'host', 'macvlan', 'ipvlan']);
const SMALLEST = { 4: 30, 6: 126 } as const;

const invalid = (description: string): ApiError => rpcError('InvalidArgument', description);

/**
 * Throws ApiError unless the spec can be carried out, whatever else there is in the cluster. `knowsIPv4`: whether whoever
 * asks can have meant it if there is to be no IPv4.
 */
export function validateNetwork(spec: NetworkSpec, knowsIPv4 = true): void {
  if (!spec.Name) throw new ApiError(400, 'invalid name: name is empty');
  if (spec.Scope && spec.Scope !== 'swarm') {
    throw new ApiError(403, 'cannot downgrade network scope for overlay networks');
  }
  if (spec.Ingress && spec.Driver !== 'overlay') {
    throw new ApiError(403, 'Ingress network can only be global scope network');
  }
  if (!spec.Driver) throw invalid('driver name: if driver is specified name is required');
  const isLocal = LOCAL_DRIVERS.has(spec.Driver);
  if (spec.Driver === 'null') throw invalid('error during lookup of plugin null');
  if (spec.Driver !== 'overlay' && !isLocal) throw new ApiError(404, `plugin "${spec.Driver}" not found`);
  const configs = spec.IPAM?.Config ?? [];
  validateAddresses(configs);
  if (knowsIPv4 && spec.EnableIPv4 === false) {
    throw new ApiError(400, 'IPv4 cannot be disabled in a Swarm scoped network');
  }
  if (spec.Ingress && spec.Attachable) throw invalid('ingress network cannot be attachable');
  validateName(spec.Name);
  const ipam = spec.IPAM?.Driver || 'default';
  if (ipam !== 'default') throw invalid(`error during lookup of plugin ${ipam}`);
  if (!isLocal) validateOverlay(spec, configs);
}

/** What we have it as, over what Docker asks of it. */
function validateOverlay(spec: NetworkSpec, configs: readonly IPAMConfig[]): void {
  const subnets = configs.map(({ Subnet }) => ({ text: Subnet, ...parseSubnet(Subnet!)! }));
  for (const { version, prefix, text } of subnets) {
    if (prefix > SMALLEST[version]) throw invalid(`ipam configuration: subnet ${text} is too small`);
    if (subnets.filter((other) => other.version === version).length > 1) {
      throw new ApiError(
        501,
        `a network has one IPv${version} subnet: create another network for the other one`,
      );
    }
  }
  if (spec.ConfigFrom?.Network) {
    throw new ApiError(501, 'an overlay cannot be made from a configuration: give the options themselves');
  }
  validateOptions(spec);
}

function validateOptions({ Options }: NetworkSpec): void {
  const mtu = Options?.['com.docker.network.driver.mtu'];
  if (mtu !== undefined && !(Number(mtu) >= 576 && Number(mtu) <= 65_535)) {
    throw invalid(`invalid value for com.docker.network.driver.mtu: ${mtu} is not between 576 and 65535`);
  }
}

/** Throws ApiError if there is something in the cluster already that the new network cannot be beside. */
export function checkNewNetwork(view: View, spec: NetworkSpec): void {
  const name = spec.Name!;
  const known = view.byName('network', name).filter(({ Spec }) => !isPredefined(Spec));
  if (PREDEFINED.has(name) || known.some((network) => network.Spec.Name === name)) throw nameTaken(name);
  if (known.length > 0) throw rpcError('Unknown', 'name conflicts with an existing object');
  if (spec.Ingress) {
    for (const { ID, Spec } of view.all('network')) {
      if (Spec.Ingress) throw rpcError('AlreadyExists', `ingress network (${ID}) is already present`);
    }
  }
  if (isNodeLocal(spec)) return;
  for (const { Subnet } of spec.IPAM?.Config ?? []) checkSubnet(view, parseSubnet(Subnet!)!);
}

/** Throws ApiError 403, before anything else is looked at. */
export function checkKeptName(name: string): void {
  if (KEPT.has(name)) throw new ApiError(403, `operation is not permitted on predefined ${name} network`);
}

export function nameTaken(name: string): ApiError {
  return new ApiError(409, `network with name ${name} already exists`);
}

function checkSubnet(view: View, subnet: Subnet): void {
  const clash = (text: string | undefined): boolean => {
    const other = parseSubnet(text ?? '');
    return other !== undefined && overlaps(subnet, other);
  };
  const refuse = (why: string): never => {
    const message = `Pool overlaps with other one on this address space: ${formatSubnet(subnet)} overlaps with ${why}`;
    throw new ApiError(403, message);
  };
  const ours = new Set<string>();
  for (const { Spec, internal } of view.all('network')) {
    if (isNodeLocal(Spec)) continue;
    const subnets = internal.allocated?.subnets.map((each) => each.subnet) ?? [];
    for (const text of [...subnets, ...(Spec.IPAM?.Config ?? []).map(({ Subnet }) => Subnet ?? '')]) {
      ours.add(text);
      if (clash(text)) refuse(`${text}, which network ${Spec.Name} has`);
    }
  }
  for (const { Description } of view.all('node')) {
    for (const route of Description?.Routes ?? []) {
      if (!ours.has(route) && clash(route))
        refuse(`${route}, to which node ${Description!.Hostname} has a route`);
    }
  }
}

/** Containers on the network that are no tasks and run, or are about to. */
export function attachmentsInUse(view: View, networkId: string): Attachment[] {
  return [...view.all('attachment')].filter(
    ({ NetworkID, internal }) => NetworkID === networkId && (internal.container?.running ?? true),
  );
}

/** What uses the network: its removal has to wait. Tasks that are about to go do not count. */
export function checkUnused(view: View, id: string): void {
  const network = view.get('network', id)!;
  for (const service of view.all('service')) {
    if (network.Spec.Ingress) {
      const publishes = service.Spec.EndpointSpec?.Ports?.some(({ PublishMode }) => PublishMode !== 'host');
      if (publishes) {
        throw rpcError(
          'FailedPrecondition',
          `ingress network cannot be removed because service ${service.ID} depends on it`,
        );
      }
    }
    if (taskTemplate(service.Spec).Networks?.some(({ Target }) => Target === id)) {
      throw rpcError('FailedPrecondition', `network ${id} is in use by service ${service.ID}`);
    }
  }
  const [attached] = attachmentsInUse(view, id);
  if (attached) {
    throw rpcError('FailedPrecondition', `network ${id} is in use by task ${attached.ID}`);
  }
}
