/** What may be asked of a network of the cluster, with Docker's texts where Docker says something about it. */
import {
  contains,
  formatSubnet,
  overlaps,
  parseAddress,
  parseSubnet,
  type Subnet,
} from '../../../model/cidr.ts';
import { taskTemplate } from '../../../model/defaults.ts';
import { ApiError, rpcError } from '../../../model/errors.ts';
import type { Attachment } from '../../../model/objects.ts';
import type { IPAMConfig, NetworkSpec } from '../../../model/spec.ts';
import type { View } from '../../../store/contract.ts';
import { validateName } from '../names.ts';

/** Names that mean a network of each node. */
const PREDEFINED = new Set(['bridge', 'host', 'none']);
/** Drivers that Docker Swarm can spread over its nodes, and we cannot. */
const LOCAL_DRIVERS = new Set(['bridge', 'host', 'macvlan', 'ipvlan', 'null']);
const SMALLEST = { 4: 30, 6: 126 } as const;

const invalid = (description: string): ApiError => rpcError('InvalidArgument', description);

/** Throws ApiError unless the spec can be carried out, whatever else there is in the cluster. */
export function validateNetwork(spec: NetworkSpec): void {
  if (!spec.Name) throw new ApiError(500, 'invalid name: ');
  if (spec.Scope && spec.Scope !== 'swarm') {
    throw new ApiError(403, 'cannot downgrade network scope for overlay networks');
  }
  const driver = spec.Driver || 'overlay';
  if (LOCAL_DRIVERS.has(driver)) {
    throw new ApiError(501, `networks of driver ${driver} cannot have scope swarm: create them on each node`);
  }
  if (driver !== 'overlay') throw new ApiError(404, `plugin "${driver}" not found`);
  const configs = spec.IPAM?.Config ?? [];
  for (const { Subnet } of configs) {
    if (parseSubnet(Subnet ?? '')) continue;
    throw new ApiError(500, `Invalid subnet ${Subnet ?? ''} : invalid CIDR address: ${Subnet ?? ''}`);
  }
  if (spec.Ingress && spec.Attachable) throw invalid('ingress network cannot be attachable');
  validateName(spec.Name);
  const ipam = spec.IPAM?.Driver || 'default';
  if (ipam !== 'default') throw invalid(`error during lookup of plugin ${ipam}`);
  for (const config of configs) validateConfig(config);
  if (spec.ConfigFrom?.Network) {
    throw new ApiError(
      501,
      'networks of scope swarm cannot be made from a configuration: give the options themselves',
    );
  }
  if (spec.EnableIPv4 === false) throw invalid('IPv4 cannot be disabled in a Swarm scoped network');
  for (const version of [4, 6]) {
    if (configs.filter(({ Subnet }) => parseSubnet(Subnet ?? '')!.version === version).length > 1) {
      throw new ApiError(
        501,
        `a network has one IPv${version} subnet: create another network for the other one`,
      );
    }
  }
  validateOptions(spec);
}

function validateConfig({ Subnet = '', IPRange, Gateway, AuxiliaryAddresses }: IPAMConfig): void {
  const subnet = parseSubnet(Subnet!)!;
  if (subnet.prefix > SMALLEST[subnet.version])
    throw invalid(`ipam configuration: subnet ${Subnet} is too small`);
  if (IPRange) {
    const range = parseSubnet(IPRange);
    if (!range) throw invalid(`ipam configuration: invalid range ${IPRange}`);
    const first = { version: range.version, value: range.first };
    if (!contains(subnet, first) || range.prefix < subnet.prefix) {
      throw invalid(`ipam configuration: subnet ${Subnet} does not contain range ${IPRange}`);
    }
  }
  if (Gateway) {
    const gateway = parseAddress(Gateway);
    if (!gateway) throw invalid(`ipam configuration: invalid gateway ${Gateway}`);
    if (!contains(subnet, gateway)) {
      throw invalid(`ipam configuration: subnet ${Subnet} does not contain gateway ${Gateway}`);
    }
  }
  for (const address of Object.values(AuxiliaryAddresses ?? {})) {
    const parsed = parseAddress(address);
    if (!parsed || !contains(subnet, parsed)) {
      throw invalid(`ipam configuration: subnet ${Subnet} does not contain reserved address ${address}`);
    }
  }
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
  const known = view.byName('network', name);
  if (PREDEFINED.has(name) || known.some((network) => network.Spec.Name === name)) throw nameTaken(name);
  if (known.length > 0) throw rpcError('Unknown', 'name conflicts with an existing object');
  if (spec.Ingress) {
    for (const { ID, Spec } of view.all('network')) {
      if (Spec.Ingress) throw rpcError('AlreadyExists', `ingress network (${ID}) is already present`);
    }
  }
  for (const { Subnet } of spec.IPAM?.Config ?? []) checkSubnet(view, parseSubnet(Subnet!)!);
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
