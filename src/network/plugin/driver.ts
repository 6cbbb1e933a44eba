/** The network driver that the engine calls: brings containers onto the overlays of this host, and off them. */
import { join } from 'node:path';
import { hostOf } from '../../model/cidr.ts';
import { macOf } from '../../model/network-state.ts';
import { isV4 } from '../address.ts';
import type { LateContainer } from '../contract.ts';
import type { LocalPort } from '../overlay/facts.ts';
import type { Overlay } from '../overlay/overlay.ts';
import { gatewaysOf } from '../overlay/rules.ts';
import { Serial } from '../rounds/serial.ts';
import { readJson, writeJson } from '../state/json-file.ts';
import { LatestFile } from '../state/latest-file.ts';
import { NETWORK_OPTION } from './engine-networks.ts';
import {
  type CreateEndpointCall,
  type CreateNetworkCall,
  type EndpointCall,
  HOST_PORTS_OPTION,
  IPV6_OPTION,
  type JoinAnswer,
  type JoinCall,
  NAME_SERVERS_OPTION,
  type NetworkCall,
  type NetworkDriver,
} from './protocol.ts';

/** What of an overlay the driver needs. */
export type OverlayPorts = Pick<Overlay, 'join' | 'leave' | 'state' | 'endpointIds'>;

export interface OverlayDriverOptions {
  stateDir: string;
  /** The overlay as soon as it is up here. @throws if that takes too long */
  overlay(networkId: string): Promise<OverlayPorts>;
  /** The overlay if it is here. */
  find(networkId: string): OverlayPorts | undefined;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Told of what went wrong beside the engine's calls. */
  failed(error: unknown): void;
  /** A network or an endpoint has gone: others may be free to go. */
  gone(): void;
  /** What `lateContainers` tells has become another. */
  lateChanged(): void;
  /** Resolves when a container that came late, with that namespace, may be started: it finds names, or will later. */
  named(sandbox: string): Promise<void>;
}

/** The overlay's id by the engine's id of the network. */
type Networks = Record<string, string>;
type Endpoints = Record<string, Endpoint>;

interface Endpoint extends LocalPort {
  networkId: string;
  /** Whether its container publishes ports of this host by its engine. */
  hostPorts: boolean;
  createdAt: number;
  /** Name servers that its container was made with; undefined unless it came onto this network later. */
  nameServers?: string[];
  /** The path of its container's namespace, while that is on the network and came there later. */
  sandbox?: string;
}

/** From the creation of an endpoint to its container's joining, at most (ms). */
const JOINING_TIME = 60_000;

export class OverlayDriver implements NetworkDriver {
  readonly #options: OverlayDriverOptions;
  readonly #writes = new Serial();
  readonly #networksPath: string;
  readonly #endpointsFile: LatestFile;
  // What the engine tells only once, also if this process or the host is started anew.
  readonly #networks: Promise<Networks>;
  readonly #endpoints: Promise<Endpoints>;
  /** The endpoints, for those who cannot wait for them. */
  #known: Endpoints = {};

  constructor(options: OverlayDriverOptions) {
    this.#options = options;
    this.#networksPath = join(options.stateDir, 'engine-networks.json');
    const endpointsPath = join(options.stateDir, 'endpoints.json');
    this.#endpointsFile = new LatestFile(endpointsPath, options.failed);
    this.#networks = readJson<Networks>(this.#networksPath).then((known) => known ?? {});
    this.#endpoints = readJson<Endpoints>(endpointsPath).then((known) => {
      this.#known = known ?? {};
      options.lateChanged();
      return this.#known;
    });
  }

  async createNetwork({ NetworkID, Options }: CreateNetworkCall): Promise<void> {
    const networkId = Options?.['com.docker.network.generic']?.[NETWORK_OPTION];
    if (typeof networkId !== 'string') {
      throw new Error(
        'networks of the driver "essaim" are made by the swarm: use "docker network create -d overlay"',
      );
    }
    await this.know(NetworkID, networkId);
  }

  /** Takes note of which overlay one of the engine's networks is. */
  async know(engineNetworkId: string, networkId: string): Promise<void> {
    const networks = await this.#networks;
    if (networks[engineNetworkId] === networkId) return;
    networks[engineNetworkId] = networkId;
    await this.#saveNetworks();
  }

  async deleteNetwork({ NetworkID }: NetworkCall): Promise<void> {
    delete (await this.#networks)[NetworkID];
    await this.#saveNetworks();
    this.#options.gone();
  }

  async createEndpoint(call: CreateEndpointCall): Promise<{ Interface: { MacAddress?: string } }> {
    const endpoints = await this.#endpoints;
    const networkId = await this.#networkOf(call);
    const { Address = '', AddressIPv6 = '', MacAddress = '' } = call.Interface ?? {};
    const v6 = call.Options?.[IPV6_OPTION] ?? AddressIPv6;
    const addresses = [Address, v6].filter((cidr) => cidr !== '').map(hostOf);
    const v4 = addresses.find(isV4);
    if (v4 === undefined) throw new Error('a container on an overlay network needs an IPv4 address');
    const mac = macOf(v4);
    // Other hosts reckon with the address that follows from the IPv4 address: no other is taken.
    if (MacAddress !== '' && MacAddress.toLowerCase() !== mac)
      throw new Error(`the MAC address of ${v4} on an overlay network is ${mac}, not ${MacAddress}`);
    const hostPorts = call.Options?.[HOST_PORTS_OPTION] !== undefined;
    const createdAt = this.#options.now();
    const endpointId = call.EndpointID;
    const nameServers = call.Options?.[NAME_SERVERS_OPTION]?.split(',').filter((server) => server !== '');
    endpoints[endpointId] = { endpointId, networkId, mac, addresses, hostPorts, createdAt, nameServers };
    await this.#saveEndpoints();
    return { Interface: MacAddress === '' ? { MacAddress: mac } : {} };
  }

  async join(call: JoinCall): Promise<JoinAnswer> {
    const endpoint = (await this.#endpoints)[call.EndpointID];
    if (!endpoint) throw new Error(`endpoint ${call.EndpointID} is not known`);
    const { SrcName, state } = await this.#plugIn(endpoint);
    const answer: JoinAnswer = { InterfaceName: { SrcName, DstPrefix: 'eth' } };
    // Without a gateway the engine connects the container with its own bridge for the way out. Not so on the ingress
    // network: what comes in there from anywhere has to go back there.
    if (!state?.ingress) {
      if (endpoint.nameServers) {
        endpoint.sandbox = call.SandboxKey;
        await this.#saveEndpoints();
        await this.#options.named(call.SandboxKey);
      }
      return answer;
    }
    // It is on the engine's bridge for ports of this host alone. What is missing here is laid once it runs.
    return endpoint.hostPorts ? answer : { ...answer, Gateway: gatewaysOf(state).find(isV4) };
  }

  /** The container's link is left to it until its endpoint goes: the engine takes the addresses off. */
  async leave({ EndpointID }: EndpointCall): Promise<void> {
    const endpoint = (await this.#endpoints)[EndpointID];
    if (!endpoint?.sandbox) return;
    delete endpoint.sandbox;
    await this.#saveEndpoints();
  }

  async deleteEndpoint({ EndpointID }: EndpointCall): Promise<void> {
    const endpoints = await this.#endpoints;
    const endpoint = endpoints[EndpointID];
    if (!endpoint) return;
    await this.#options.find(endpoint.networkId)?.leave(EndpointID);
    delete endpoints[EndpointID];
    await this.#saveEndpoints();
    this.#options.gone();
  }

  /** Forgets endpoints that went without a word: after a power cut the engine cleans up by itself. */
  async forgetLost(): Promise<void> {
    const endpoints = await this.#endpoints;
    const before = this.#options.now() - JOINING_TIME;
    const lost = Object.values(endpoints).filter(
      ({ endpointId, networkId, createdAt }) =>
        createdAt < before && !this.#options.find(networkId)?.endpointIds.includes(endpointId),
    );
    for (const { endpointId } of lost) delete endpoints[endpointId];
    if (lost.length > 0) await this.#saveEndpoints();
  }

  /** Containers that are on networks here onto which they came after they were made; a place on a network each. */
  lateContainers(): LateContainer[] {
    return Object.values(this.#known).flatMap(({ sandbox, networkId, addresses, nameServers }) => {
      const address = addresses.find(isV4);
      return sandbox && nameServers && address ? [{ sandbox, networkId, address, nameServers }] : [];
    });
  }

  async #plugIn(port: LocalPort & { networkId: string }) {
    for (;;) {
      const overlay = await this.#options.overlay(port.networkId);
      const SrcName = await overlay.join(port);
      if (SrcName !== undefined) return { SrcName, state: overlay.state };
      // It was removed in this very moment: it comes again if it is wanted.
    }
  }

  async #networkOf({ NetworkID }: NetworkCall): Promise<string> {
    const networkId = (await this.#networks)[NetworkID];
    if (networkId === undefined) throw new Error(`network ${NetworkID} is not one of this swarm`);
    return networkId;
  }

  #saveNetworks(): Promise<void> {
    return this.#writes.run(async () => writeJson(this.#networksPath, await this.#networks, true));
  }

  async #saveEndpoints(): Promise<void> {
    this.#options.lateChanged();
    this.#endpointsFile.put(await this.#endpoints);
    await this.#endpointsFile.settled();
  }
}
