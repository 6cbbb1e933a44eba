/** One seed: a cluster, a while of changes and faults, then peace. */
import { act, mend } from './chaos.ts';
import { problems } from './converged.ts';
import { World } from './world.ts';

/** How long a cluster left in peace may take to become what its users asked for, milliseconds. */
const CONVERGES_WITHIN = 240_000;
const SETTLES_WITHIN = 20_000;
/** How long it has to stay so, without any write. */
const QUIET_FOR = 60_000;

export interface Outcome {
  /** Virtual milliseconds from peace to convergence. */
  convergedAfter: number;
  steps: number;
}

export class SeedFailure extends Error {
  readonly world: World;
  constructor(seed: number, managers: number, step: number, world: World, cause: unknown) {
    const what = cause instanceof Error ? (cause.cause ?? cause) : cause;
    const text = what instanceof Error ? (what.stack ?? what.message) : String(what);
    super(
      `seed ${seed}, step ${step}: ${text}\n` +
        `replay with: SEED=${seed} node_modules/.bin/node --test test/sim/${managers > 1 ? 'several' : 'sim'}.test.ts (LOG=1 shows all that happened)`,
      { cause },
    );
    this.world = world;
  }
}

/** @param managers of several, each has its store on a model of etcd */
export async function runSeed(seed: number, managers = 1): Promise<Outcome> {
  const world = new World(seed, { managers });
  let step = 0;
  // What nobody waits for would end the daemon.
  const unhandled = (error: unknown) => world.fail(new Error('unhandled rejection', { cause: error }));
  process.on('unhandledRejection', unhandled);
  try {
    await world.begin();
    await world.run(world.random.int(0, 5000));
    const steps = world.random.int(10, 60);
    for (step = 1; step <= steps; step++) {
      const number = step;
      const acted = act(world).then(
        (what) => world.log(`STEP ${number} ${what}`),
        (error: unknown) => world.fail(error),
      );
      // What is asked of several managers takes its time, and others do not wait for it.
      if (managers === 1) await acted;
      world.wellness.notice();
      await world.run(world.random.latency(world.random.pick([100, 1000, 4000])));
    }
    const convergedAfter = await converge(world);
    return { convergedAfter, steps };
  } catch (error) {
    throw new SeedFailure(seed, managers, step, world, error);
  } finally {
    process.off('unhandledRejection', unhandled);
  }
}

async function converge(world: World): Promise<number> {
  mend(world);
  world.log('PEACE');
  const from = world.clock.now();
  await world.run(1000);
  while (problems(world).length > 0) {
    if (world.clock.now() - from > CONVERGES_WITHIN) {
      throw new Error(`not converged: ${problems(world).join('; ')}`);
    }
    await world.run(1000);
  }
  const convergedAfter = world.clock.now() - from;
  // An update is watched for a while after its last task has come up, and then marked as complete.
  await world.run(SETTLES_WITHIN);
  const { revision } = world.view;
  await world.run(QUIET_FOR);
  const found = problems(world);
  if (found.length > 0) throw new Error(`did not stay converged: ${found.join('; ')}`);
  if (world.view.revision !== revision) throw new Error('something changed although nothing happened');
  return convergedAfter;
}
