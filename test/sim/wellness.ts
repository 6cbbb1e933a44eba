/** Which hosts of a simulated world are in order, and whether its manager takes them for what they are. */
import type { Node } from '../../src/model/objects.ts';
import type { Host } from './host.ts';
import { Violation } from './invariants.ts';
import type { World } from './world.ts';

/** One-way delay (ms) from which on pings may be late for a check. */
const SLOW_NETWORK = 50;
/** How long what was sent meanwhile may be on its way (ms). */
const SLOW_FOR = 15_000;
/** How long (ms) an agent that is well may take to notice that its session is dead, and to open another one. */
const RETURNS_WITHIN = 25_000;
/** A host that is out of reach for less than that (ms) keeps its tasks, if it was there for so long before. */
const KEPT_FOR = 1_500;
const THERE_FOR = 500;

export class Wellness {
  readonly #world: World;
  /** Since when each host has been well by itself, whoever is there to notice, milliseconds. */
  readonly #wellSince = new Map<string, number>();
  /** Since when each host has been within reach of a manager as well. */
  readonly #fineSince = new Map<string, number>();
  readonly #lostSince = new Map<string, number>();
  /** Since when each host has been out of reach, and since when it is back. */
  readonly #out = new Map<string, { since: number; back?: number }>();
  #slowUntil = 0;
  /** Seconds that the present manager has been awake for, and able to write. */
  #managerAwake = 0;

  constructor(world: World) {
    this.#world = world;
  }

  managerStarts(): void {
    this.#managerAwake = 0;
    this.#lostSince.clear();
  }

  /** To be called before the network's delay becomes another one. */
  delayChanges(): void {
    const { network, clock } = this.#world;
    if (network.delay >= SLOW_NETWORK) this.#slowUntil = clock.now() + SLOW_FOR;
  }

  /** Something was done about a host that was lost: from now on it has its time again. */
  restored(host: Host): void {
    this.#lostSince.delete(host.nodeId);
  }

  /** Another second has passed. */
  second(): void {
    if (this.#world.manager?.process.hung === false) this.#managerAwake++;
    this.notice();
  }

  /** Notes which hosts are in order: to be called after anything that happened to one. */
  notice(): void {
    const { clock, disk, hosts, manager, network, view, canWrite } = this.#world;
    const now = clock.now();
    if (disk.full || !canWrite) this.#managerAwake = 0;
    for (const host of hosts) {
      const { nodeId } = host;
      const well =
        host.powered &&
        host.process.alive &&
        !host.process.hung &&
        !host.ends &&
        host.engine.isWell &&
        // Who has moved while there was no manager is looked for where it was.
        view.get('node', nodeId)?.Status.Addr === host.addr &&
        !this.#world.isOut(host);
      if (!well) this.#wellSince.delete(nodeId);
      else if (!this.#wellSince.has(nodeId)) this.#wellSince.set(nodeId, now);
      const fine =
        well &&
        !disk.full &&
        manager?.process.hung === false &&
        canWrite &&
        network.hasSession(nodeId, manager);
      this.#noticeReach(host, now);
      if (!fine) this.#fineSince.delete(nodeId);
      else if (!this.#fineSince.has(nodeId)) this.#fineSince.set(nodeId, now);
    }
  }

  #noticeReach(host: Host, now: number): void {
    const { nodeId, addr } = host;
    const view = this.#world.view.get('node', nodeId);
    const known = this.#out.get(nodeId);
    // Whoever leads just now: a manager that does may be the one that is cut off.
    const cut = this.#world.network.isCut(nodeId) || this.#world.isOut(host);
    if (!host.powered || cut || view?.Status.Addr !== addr) {
      const again = known?.back !== undefined && now - known.back >= THERE_FOR;
      this.#out.set(nodeId, { since: known && !again ? known.since : now });
    } else if (known) {
      known.back ??= now;
      if (now - known.back >= THERE_FOR) this.#out.delete(nodeId);
    }
  }

  /** True once the host has been in order and within reach of the manager for `ms`. */
  fineFor(host: Host, ms: number): boolean {
    const since = this.#fineSince.get(host.nodeId);
    return since !== undefined && this.#world.clock.now() - since >= ms;
  }

  /** A host that is well is not to be taken for lost, whatever its manager has been through. */
  judged(before: Node, { ID: nodeId, Status }: Node): void {
    if (Status.State === before.Status.State || Status.State === 'ready') return;
    this.notice();
    const { clock } = this.#world;
    const host = this.#world.hostOf(nodeId);
    const out = host && this.#out.get(nodeId);
    if (out && Status.Message === 'heartbeat failure' && clock.now() - out.since < KEPT_FOR && !this.#isSlow)
      throw new Violation(`${nodeId} is called down after ${clock.now() - out.since} ms`);
    const judged = Status.Message !== 'the node has left the swarm';
    const since = this.#wellSince.get(nodeId);
    if (!judged || !host || since === undefined || this.#isSlow) return;
    if (clock.now() - since >= RETURNS_WITHIN || this.fineFor(host, 4000)) {
      throw new Violation(`${nodeId} is called ${Status.State} and is well`);
    }
  }

  /** A host that cannot be reached is called down within 3 s, or within 5 s by a manager that has just begun. */
  checkLost(host: Host): void {
    const { clock, manager, view } = this.#world;
    const now = clock.now();
    const lost = !host.powered || this.#world.isOut(host);
    const judged = manager && !manager.process.hung && this.#managerAwake > 0;
    if (!lost || !judged || this.#isSlow) {
      this.#lostSince.delete(host.nodeId);
      return;
    }
    const since = this.#lostSince.get(host.nodeId) ?? now;
    this.#lostSince.set(host.nodeId, since);
    const node = view.get('node', host.nodeId);
    // One that was never there has the same time to come as one that was there before the manager began.
    const state = node?.Description && node.Status.State;
    if (state === 'down') this.#lostSince.delete(host.nodeId);
    else if (state && now - since > (this.#managerAwake > 8 ? 3000 : 5000)) {
      throw new Violation(`${host.nodeId} is lost for ${now - since} ms and still ${state}`);
    }
  }

  get #isSlow(): boolean {
    return this.#world.network.delay >= SLOW_NETWORK || this.#world.clock.now() < this.#slowUntil;
  }
}
