/** Managers' etcds for tests: real ones, on addresses of the loopback network that no other test process uses. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { memoryFolder } from '../../../../test/support/memory-folder.ts';
import { createRoot, issueCertificate, type Root } from '../../../identity/authority.ts';
import { systemClock } from '../../../model/clock.ts';
import { runningIn } from '../../members/child.ts';
import type { MemberEnd } from '../../members/ends.ts';
import type { Start } from '../../members/flags.ts';
import { type Member, startMember, wipeMember } from '../../members/member.ts';
import { peerFiles, requestPeer, writePeer } from '../../members/peer-files.ts';
import { findEtcd } from '../../members/program.ts';
import { addLearner, promoteWhenReady, untilVoting } from '../steps.ts';

const HOUR = 3_600_000;
export const PORT = 2380;
export const program = await findEtcd(process.env.ETCD);

/** One manager's host. */
export class MemberHost {
  readonly name: string;
  readonly address: string;
  /** The member's folder, and that of its certificate. */
  readonly folder: string;
  readonly certificates: string;
  readonly root: Root;
  /** What was told of ends. */
  readonly ends: MemberEnd[] = [];
  #daemon = new AbortController();
  #member: Member | undefined;

  constructor(parent: string, number: number, root: Root) {
    this.name = `node${number}`;
    this.address = `127.${1 + ((process.pid >> 8) & 127)}.${process.pid & 255}.${number}`;
    this.folder = join(parent, `${number}`);
    this.certificates = join(parent, `${number}.pki`);
    this.root = root;
  }

  get member(): Member {
    assert.ok(this.#member, `${this.name} is not started`);
    return this.#member;
  }

  get url(): string {
    return `https://${this.address}:${PORT}`;
  }

  /** Certifies it anew. `certified`: what certifies the root to those that do not know it. */
  async certify(address = this.address, root = this.root, roots = root.cert, certified = ''): Promise<void> {
    const { csr, key } = await requestPeer();
    const holder = { nodeId: this.name, role: 'manager', clusterId: 'c1', address } as const;
    const now = Date.now();
    const validity = { notBefore: now - HOUR, notAfter: now + HOUR };
    const certificate = issueCertificate(root, csr, { ...holder, ...validity });
    await writePeer(this.certificates, { certificate: certificate + certified, key, roots });
  }

  /** Starts its member, as a daemon that has just been started does. */
  async start(start: Start, change: { peerHost?: string; peerPort?: number } = {}): Promise<Member> {
    this.#daemon = new AbortController();
    this.#member = await startMember({
      folder: this.folder,
      name: this.name,
      peerHost: this.address,
      peerPort: PORT,
      files: peerFiles(this.certificates),
      program,
      start,
      clock: systemClock,
      timeout: 5000,
      patience: 60_000,
      signal: this.#daemon.signal,
      onEnd: (end) => this.ends.push(end),
      ...change,
    });
    return this.#member;
  }

  /** The daemon is gone, in whatever way; etcd is not. */
  endDaemon(): void {
    this.#daemon.abort();
  }

  /** The process of its etcd; undefined if there is none. */
  async pid(): Promise<number | undefined> {
    return (await runningIn(this.folder))[0]?.pid;
  }

  async signal(signal: NodeJS.Signals): Promise<void> {
    const pid = await this.pid();
    assert.ok(pid, `the etcd of ${this.name} does not run`);
    process.kill(pid, signal);
    // Its threads stand still one after the other, and one of them may answer until then.
    while (signal === 'SIGSTOP' && !(await standsStill(pid))) await delay(1);
  }
}

/** Hosts of one cluster. */
export class MemberHosts {
  readonly #folder = memoryFolder('em-');
  readonly hosts: MemberHost[] = [];
  readonly root: Root;

  private constructor(root: Root) {
    this.root = root;
  }

  static async create(): Promise<MemberHosts> {
    return new MemberHosts(await createRoot(Date.now()));
  }

  /** A further host, with a certificate. */
  async host(): Promise<MemberHost> {
    const host = new MemberHost(this.#folder, this.hosts.length + 1, this.root);
    this.hosts.push(host);
    await host.certify();
    return host;
  }

  /** The first host, with a member alone in its cluster. */
  async found(): Promise<MemberHost> {
    const host = await this.host();
    await host.start({ mode: 'new', token: `${process.pid}` });
    return host;
  }

  /** A further host, whose member votes. */
  async grow(by: MemberHost): Promise<MemberHost> {
    const host = await this.host();
    await this.join(host, by);
    return host;
  }

  /** Makes that host's member one that votes. */
  async join(host: MemberHost, by: MemberHost): Promise<void> {
    const { client } = by.member;
    const { member, members } = await addLearner(client, host.url);
    await host.start({ mode: 'join', memberId: member.ID, members });
    await promoteWhenReady(client, member.ID);
    await untilVoting(host.member.client);
  }

  /** @param before what has to be done before the folders go */
  async close(before: () => void = () => {}): Promise<void> {
    for (const host of this.hosts) {
      host.endDaemon();
      await wipeMember(host.folder);
    }
    before();
    rmSync(this.#folder, { recursive: true });
  }
}

/** What it gives as soon as it does not fail any more. */
export async function eventually<T>(work: () => T | Promise<T>, patience = 30_000): Promise<T> {
  const deadline = Date.now() + patience;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(50);
    }
  }
}

async function standsStill(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`);
  const states = threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8'));
  return (await Promise.all(states)).every((stat) => / T /.test(stat.slice(stat.lastIndexOf(')'))));
}
