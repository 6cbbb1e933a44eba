/** Docker's network-plugin protocol (remote driver): the calls that the engine makes, as far as they are looked at. */

/**
 * Option of an endpoint whose container was there before it: the name servers that the container was made with, with commas;
 * empty for those of the host.
 */
export const NAME_SERVERS_OPTION = 'essaim.nameservers';

/**
 * Option of an endpoint whose container publishes ports of its host. What the engine tells of them by itself depends on the
 * order in which it comes to the container's networks, and that is any.
 */
export const HOST_PORTS_OPTION = 'essaim.hostports';

/** Option of an endpoint on the ingress network: the IPv6 address that its container is given when it runs, not by the engine. */
export const IPV6_OPTION = 'essaim.ipv6';

export interface NetworkCall {
  NetworkID: string;
}

export interface CreateNetworkCall extends NetworkCall {
  Options?: { 'com.docker.network.generic'?: Record<string, unknown> };
}

export interface EndpointCall extends NetworkCall {
  EndpointID: string;
}

export interface CreateEndpointCall extends EndpointCall {
  /** Addresses are CIDR; empty where there is none. */
  Interface?: { Address?: string; AddressIPv6?: string; MacAddress?: string };
  Options?: { [NAME_SERVERS_OPTION]?: string; [HOST_PORTS_OPTION]?: string; [IPV6_OPTION]?: string };
}

export interface JoinCall extends EndpointCall {
  SandboxKey: string;
}

export interface JoinAnswer {
  InterfaceName: { SrcName: string; DstPrefix: string };
  Gateway?: string;
}

/** What the engine may ask; each may reject, the engine is told the message. */
export interface NetworkDriver {
  createNetwork(call: CreateNetworkCall): Promise<void>;
  deleteNetwork(call: NetworkCall): Promise<void>;
  createEndpoint(call: CreateEndpointCall): Promise<{ Interface: { MacAddress?: string } }>;
  deleteEndpoint(call: EndpointCall): Promise<void>;
  join(call: JoinCall): Promise<JoinAnswer>;
  leave(call: EndpointCall): Promise<void>;
}
