/** A whole cluster in one process, on virtual time: real manager parts and real agents, everything else made up. */
import { timestamp } from '../../src/model/clock.ts';
import type { Node, NodeDescription, Service } from '../../src/model/objects.ts';
import type { Change, Store, View } from '../../src/store/contract.ts';
import { sampleCluster, sampleSecret } from '../../src/store/samples.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { Host } from './host.ts';
import { Violation } from './invariants.ts';
import { Disk, Manager } from './manager.ts';
import { Network } from './network.ts';
import type { Process } from './process.ts';
import { Random } from './random.ts';
import { Managers } from './several/managers.ts';
import { User } from './user.ts';
import { Wellness } from './wellness.ts';
import { Witness } from './witness.ts';

const LINES = 4000;

export class World {
  readonly clock = new VirtualClock();
  readonly random: Random;
  readonly network: Network;
  readonly disk = new Disk();
  readonly user: User;
  readonly wellness = new Wellness(this);
  readonly witness = new Witness(this);
  hosts: Host[];
  #manager: Manager | undefined;
  /** Absent: there is one only. */
  readonly several: Managers | undefined;
  /** The first thing that was broken. */
  violation: unknown;
  /** The last things that happened. */
  readonly lines: string[] = [];
  readonly #leaving = new Set<Host>();
  readonly #slow: () => boolean;
  #view: View;
  #ids = 0;
  #names = 0;
  #addresses = 0;
  #hostNumber = 0;
  readonly #managerHosts: number;
  /** Nodes say who leads: then the first thing that a new leader writes is that. */
  readonly #tells: boolean;

  /**
   * @param slow whether the managers' controllers take their time; by chance at each start if not given
   * @param tells whether nodes say who leads, which a new leader then writes first; by chance if not given
   * @param managers of several, each has its store on a model of etcd
   */
  constructor(
    seed: number,
    { slow, managers = 1, tells }: { slow?: boolean; managers?: number; tells?: boolean } = {},
  ) {
    this.random = new Random(seed);
    this.#slow = () => slow ?? this.random.chance(0.3);
    this.network = new Network(this.clock, this.random);
    this.user = new User({
      store: () => this.store,
      newId: () => this.#newId(),
      now: () => this.clock.now(),
      ...(managers > 1 && { ask: (request) => this.several!.ask(request) }),
    });
    this.#managerHosts = managers;
    const workers = this.random.int(2, 4);
    this.hosts = Array.from({ length: managers + workers }, () => this.#makeHost());
    this.#tells = managers > 1 && (tells ?? this.random.chance(0.5));
    this.several = managers > 1 ? this.#makeSeveral(this.hosts.slice(0, managers)) : undefined;
    this.#view = this.several?.truth.view ?? this.disk.open().view;
  }

  /** The hosts without a manager that are to stay. */
  get workers(): Host[] {
    return this.hosts.slice(this.#managerHosts).filter((host) => !this.#leaving.has(host));
  }

  /** The manager that leads. */
  get manager(): { nodeId: string; process: Process } | undefined {
    return this.several ? this.several.leading : this.#manager;
  }

  /** Of the only manager. */
  get store(): Store {
    return this.#manager!.store;
  }

  /** Whether users can ask anybody. */
  get isServed(): boolean {
    return this.several ? this.several.all.length > 0 : this.#manager !== undefined;
  }

  /** Whether the manager that leads can write, as far as the other managers matter. */
  get canWrite(): boolean {
    return this.several?.canWrite ?? true;
  }

  /** Whether the host cannot be reached from where its manager is. */
  isOut({ nodeId }: Host): boolean {
    const { manager, network } = this;
    return manager ? network.isApart(nodeId, manager.nodeId) : network.isCut(nodeId);
  }

  get view(): View {
    return this.#view;
  }

  async begin(): Promise<void> {
    const changes: Change[] = [
      { op: 'put', kind: 'cluster', object: sampleCluster('cluster', '', '') },
      { op: 'put', kind: 'secret', object: sampleSecret('secret1', 'eA==') },
      { op: 'put', kind: 'secret', object: sampleSecret('secret2', 'eQ==') },
      ...this.hosts.map((host, i) => ({
        op: 'put' as const,
        kind: 'node' as const,
        object: this.#newNode(host, i < this.#managerHosts ? 'manager' : 'worker'),
      })),
    ];
    if (this.several) {
      const begun = this.several.begin(changes);
      await this.run(5000);
      await begun;
      for (const host of this.hosts.slice(0, this.#managerHosts)) this.startManagerOn(host);
    } else {
      await this.disk.open().commit({ changes });
      this.startManager();
    }
    for (const host of this.hosts) host.start();
    this.witness.keepLooking();
  }

  startManager(): void {
    if (this.#manager) return;
    this.log('the manager starts');
    this.wellness.managerStarts();
    this.#manager = new Manager({
      nodeId: this.hosts[0]!.nodeId,
      disk: this.disk,
      clock: this.clock,
      network: this.network,
      newId: () => this.#newId(),
      endpointAt: (addr) => this.hosts.find((host) => host.addr === addr),
      batch: this.#batch(),
      watch: (commit, store) => this.witness.committed(commit, store.view),
      failed: (error) => this.fail(error),
      log: (line) => this.log(line),
    });
    this.#view = this.#manager.store.view;
    // One daemon per host: the agent beside the manager starts with it.
    this.hosts[0]!.start();
  }

  killManager(): void {
    this.#manager?.kill();
    this.#manager = undefined;
    this.hosts[0]!.kill();
  }

  /** One of several, and the agent of the same daemon. */
  startManagerOn(host: Host): void {
    if (!host.powered) return;
    this.several!.start(host.nodeId);
    host.start();
  }

  killManagerOn(host: Host): void {
    this.several!.kill(host.nodeId);
    host.kill();
  }

  services(): Service[] {
    return this.isServed ? [...this.#view.all('service')] : [];
  }

  pickNode(): Node | undefined {
    return this.isServed ? this.random.pick([...this.#view.all('node')]) : undefined;
  }

  nextName(): number {
    return ++this.#names;
  }

  /** One that no host has had. */
  newAddress(): string {
    return `10.0.1.${++this.#addresses}`;
  }

  later(ms: number, fn: () => void): void {
    this.clock.timer(ms, () => {
      fn();
      this.wellness.notice();
    });
  }

  /** Lets `ms` of virtual time pass. Throws what was broken meanwhile. */
  async run(ms: number): Promise<void> {
    const until = this.clock.now() + ms;
    while (this.violation === undefined && (await this.clock.step(until)));
    if (this.violation !== undefined) throw this.violation;
    await this.clock.advance(until - this.clock.now());
  }

  log(line: string): void {
    const at = ((this.clock.now() - START) / 1000).toFixed(3);
    this.lines.push(`${at} ${line}`);
    if (this.lines.length > 2 * LINES) this.lines.splice(0, LINES);
  }

  fail(error: unknown): void {
    this.violation ??= error;
  }

  /** A host joins the swarm; its node is what the certificate authority makes. */
  async join(): Promise<string> {
    const host = this.#makeHost();
    const object = this.#newNode(host, 'worker');
    await this.store.commit({ changes: [{ op: 'put', kind: 'node', object }] });
    this.hosts.push(host);
    host.start();
    return host.nodeId;
  }

  /** From now on the host counts for nothing more. */
  letGo(host: Host): void {
    this.#leaving.add(host);
  }

  /** The host is no business of the swarm's any more. */
  dismiss(host: Host): void {
    this.hosts = this.hosts.filter((other) => other !== host);
    host.powerCut();
  }

  restore(host: Host): void {
    if (host.shutsDown && host.powered) host.powerCut();
    if (!host.powered) host.powerOn();
    this.wellness.restored(host);
  }

  reconnect(host: Host): void {
    this.network.heal(host.nodeId);
    this.wellness.restored(host);
  }

  setDelay(ms: number): void {
    this.wellness.delayChanges();
    this.network.delay = ms;
  }

  hostOf(nodeId: string | undefined): Host | undefined {
    return this.hosts.find((host) => host.nodeId === nodeId);
  }

  #newId(): string {
    return `x${String(++this.#ids).padStart(5, '0')}`;
  }

  #makeHost(): Host {
    const number = ++this.#hostNumber;
    const nodeId = `node${number}`;
    const { clock, random, network } = this;
    const host: Host = new Host({
      nodeId,
      addr: `10.0.0.${number}`,
      description: describeHost(`host${number}`, random.pick([2, 4, 8])),
      clock,
      random,
      network,
      hooks: {
        started: (taskId) => this.witness.started(host, taskId),
        stopped: (taskId, asked) => this.witness.stopped(host, taskId, asked),
        lacks: (taskId, what) => this.fail(new Violation(`${taskId} is prepared without ${what}`)),
      },
      failed: (error) => this.fail(error),
      off: () => this.wellness.notice(),
      log: (line) => this.log(line),
    });
    return host;
  }

  #makeSeveral(hosts: readonly Host[]): Managers {
    const { clock, random, network } = this;
    return new Managers({
      ...{ hosts, clock, random, network },
      newId: () => this.#newId(),
      batch: () => this.#batch(),
      endpointAt: (addr) => this.hosts.find((host) => host.addr === addr),
      committed: (commit, view) => this.witness.committed(commit, view),
      leads: () => this.wellness.managerStarts(),
      failed: (error) => this.fail(error),
      log: (line) => this.log(line),
    });
  }

  /** What belongs together is found half done much more often if little is done at a time. */
  #batch(): number | undefined {
    return this.#slow() ? this.random.int(5, 50) : undefined;
  }

  #newNode(host: Host, role: string): Node {
    const at = timestamp(this.clock.now());
    return {
      ID: host.nodeId,
      Version: { Index: 0 },
      CreatedAt: at,
      UpdatedAt: at,
      Spec: { Role: role, Availability: 'active', Labels: { zone: this.random.pick(['a', 'b']) } },
      Status: { State: 'unknown', Addr: host.addr },
      ...(this.#tells &&
        role === 'manager' && { ManagerStatus: { Reachability: 'reachable', Addr: host.addr } }),
      internal: {},
    };
  }
}

const START = new VirtualClock().now();

function describeHost(hostname: string, cpus: number): NodeDescription {
  return {
    Hostname: hostname,
    Platform: { Architecture: 'x86_64', OS: 'linux' },
    Resources: { NanoCPUs: cpus * 1e9, MemoryBytes: 4 * 2 ** 30 },
    Engine: { EngineVersion: '28.2.2', Labels: {}, Plugins: [] },
    TLSInfo: { TrustRoot: '', CertIssuerSubject: '', CertIssuerPublicKey: '' },
  };
}
