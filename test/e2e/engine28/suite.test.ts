/**
 * A swarm whose hosts run different engines: 28 with containerd's image store, which is the default of new installations of
 * 29, on the manager; the machine's own; and 28 with overlay2. The client is the newest, with compose and buildx.
 *
 * What is particular to an engine or shows only where hosts differ is tested here: all else has its tests on the machine's
 * own engine, and `make test-engines` runs those on 26 and 28. The lab is made once; to add a subject write a file beside
 * this one that exports a function like those imported here, and name it in SCENARIOS. A scenario removes its networks and
 * containers; services are removed after each test. Wait with `converge` instead of for the client, which looks on for five
 * seconds each time.
 */
import { after, afterEach, before, describe } from 'node:test';
import { Swarm } from '../../support/swarm.ts';
import { compose } from './compose.ts';
import { containers } from './containers.ts';
import { contents } from './contents.ts';
import { HOSTS, type Scenario } from './hosts.ts';
import { images } from './images.ts';
import { networks } from './networks.ts';
import { services } from './services.ts';
import { stacks } from './stacks.ts';

const SCENARIOS: readonly Scenario[] = [services, networks, containers, contents, stacks, compose, images];

describe('engines 28 and the machine’s own in one swarm', { timeout: 600_000 }, () => {
  let swarm: Swarm;
  before(async () => {
    swarm = await Swarm.on(...HOSTS);
  });
  afterEach(() => swarm?.clear());
  after(() => swarm?.[Symbol.asyncDispose]());
  for (const scenario of SCENARIOS) scenario(() => swarm);
});
