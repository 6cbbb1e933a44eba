/** What the newest engines check of a network's addresses, with their texts. */
import {
  contains,
  formatSubnet,
  hostOf,
  overlaps,
  parseAddress,
  parseSubnet,
  type Subnet,
} from '../../../model/cidr.ts';
import { ApiError } from '../../../model/errors.ts';
import type { IPAMConfig } from '../../../model/spec.ts';

const NO_CIDR = 'invalid CIDR block notation';

/** Throws ApiError 400 with all that is wrong. */
export function validateAddresses(configs: readonly IPAMConfig[]): void {
  const errors = configs.flatMap(ofConfig);
  if (errors.length === 0) return;
  const text = errors.length === 1 ? errors[0] : errors.map((error) => `* ${error}`).join('\n');
  throw new ApiError(400, `invalid network config:\n${text}`);
}

function ofConfig({ Subnet, IPRange, Gateway, AuxiliaryAddresses }: IPAMConfig): string[] {
  const given = Subnet ?? '';
  const subnet = parseSubnet(given);
  if (!subnet) return [`invalid subnet ${given}: ${NO_CIDR}`];
  const address = (what: string, text: string | null | undefined): string[] => {
    const reason = text ? objection(text, subnet, given) : undefined;
    return reason === undefined ? [] : [`invalid ${what}: ${reason}`];
  };
  return [
    ...hostBits('subnet', given, subnet),
    ...ofRange(IPRange ?? '', subnet, given),
    ...address(`gateway ${Gateway}`, Gateway),
    ...Object.entries(AuxiliaryAddresses ?? {}).flatMap(([name, text]) =>
      address(`auxiliary address ${name}`, text),
    ),
  ];
}

function ofRange(text: string, subnet: Subnet, parent: string): string[] {
  if (text === '') return [];
  const range = parseSubnet(text);
  if (!range) return [`invalid ip-range ${text}: ${NO_CIDR}`];
  if (range.version !== subnet.version) return [`invalid ip-range ${text}: ${otherFamily(subnet)}`];
  const errors = hostBits('ip-range', text, range);
  if (range.prefix < subnet.prefix) {
    errors.unshift(`invalid ip-range ${text}: CIDR block is bigger than its parent subnet ${parent}`);
  }
  if (!overlaps(range, subnet)) {
    errors.push(`invalid ip-range ${text}: parent subnet ${parent} doesn't contain ip-range`);
  }
  return errors;
}

function hostBits(what: string, text: string, subnet: Subnet): string[] {
  const { value } = parseAddress(hostOf(text))!;
  if (value === subnet.first) return [];
  return [`invalid ${what} ${text}: it should be ${formatSubnet(subnet)}`];
}

/** Why the address cannot be one of the subnet's. */
function objection(text: string, subnet: Subnet, parent: string): string | undefined {
  const address = parseAddress(text);
  if (!address) return 'invalid address';
  if (address.version !== subnet.version) return otherFamily(subnet);
  return contains(subnet, address) ? undefined : `parent subnet ${parent} doesn't contain this address`;
}

function otherFamily({ version }: Subnet): string {
  return `parent subnet is an IPv${version} block`;
}
