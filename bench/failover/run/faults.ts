/** What befalls hosts. Each fault is over when its function has resolved. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Host } from './host.ts';
import { cut, empty, fill, mend } from './net.ts';

export interface Scene {
  /** Whom it befalls: mostly the one that leads. */
  host: Host;
  /** The others. */
  others: readonly Host[];
  /** How long (ms) it lasts. */
  lasting: number;
}

const cutOff =
  (way: 'both' | 'in' | 'out') =>
  async ({ host, lasting }: Scene): Promise<void> => {
    await cut(host.place, way);
    await delay(lasting);
    await mend(host.place);
  };

export const FAULTS: Record<string, (scene: Scene) => Promise<void>> = {
  async 'the manager is killed'({ host, lasting }) {
    const away = delay(lasting);
    host.signal('SIGKILL', away);
    await away;
  },
  async 'the manager ends in order'({ host, lasting }) {
    const away = delay(lasting);
    host.signal('SIGTERM', away);
    await away;
  },
  async 'the member is killed'({ host }) {
    await host.signalEtcd('SIGKILL');
  },
  async 'manager and member are killed'({ host, lasting }) {
    const away = delay(lasting);
    host.signal('SIGKILL', away);
    await host.signalEtcd('SIGKILL');
    await away;
  },
  async 'the manager stands still'({ host, lasting }) {
    host.signal('SIGSTOP');
    await delay(lasting);
    host.signal('SIGCONT');
  },
  async 'the member stands still'({ host, lasting }) {
    await host.signalEtcd('SIGSTOP');
    await delay(lasting);
    await host.signalEtcd('SIGCONT');
  },
  async 'the host stands still'({ host, lasting }) {
    host.signal('SIGSTOP');
    await host.signalEtcd('SIGSTOP');
    await delay(lasting);
    await host.signalEtcd('SIGCONT');
    host.signal('SIGCONT');
  },
  'cut off both ways': cutOff('both'),
  'hears nobody': cutOff('in'),
  'nobody hears it': cutOff('out'),
  async 'cut off from one other'({ host, others, lasting }) {
    await cut(host.place, { peer: others[0]!.place });
    await delay(lasting);
    await mend(host.place);
  },
  async 'the disk is full'({ host, others, lasting }) {
    const large = (on: boolean): void => {
      for (const each of [host, ...others]) each.send({ type: 'large', on });
    };
    await fill(host.place);
    // etcd has some room of its own, which has to be used up.
    large(true);
    await delay(lasting + 8_000);
    large(false);
    await empty(host.place);
  },
  async 'two members are killed'({ host, others }) {
    await Promise.all([host, others[0]!].map((each) => each.signalEtcd('SIGKILL')));
  },
  async 'two members stand still'({ host, others, lasting }) {
    const both = [host, others[0]!];
    await Promise.all(both.map((each) => each.signalEtcd('SIGSTOP')));
    await delay(lasting);
    await Promise.all(both.map((each) => each.signalEtcd('SIGCONT')));
  },
};
