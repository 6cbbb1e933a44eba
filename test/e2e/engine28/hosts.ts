/** The hosts of the mixed swarm, and what scenarios ask on them. */
import type { HostSpec } from '../../support/lab.ts';
import { eventually } from '../../support/lab.ts';
import type { Swarm } from '../../support/swarm.ts';

/** Engine 28 with containerd's image store. */
export const MANAGER = 'store';
/** The machine's own engine. */
export const OWN = 'old';
/** Engine 28 with overlay2. */
export const OVERLAY2 = 'new';

export const HOSTS: readonly HostSpec[] = [
  { name: MANAGER, engine: '28', options: ['feature=containerd-snapshotter=true'] },
  { name: OWN, engine: 'own' },
  { name: OVERLAY2, engine: '28' },
];

/** Adds the tests of one subject; the swarm is there once they run. */
export type Scenario = (swarm: () => Swarm) => void;

/** What stays until it is told to end. */
export const STAY = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.2; done'];
/** The page of the image `whoami` that tells the container's host name. */
export const WHOAMI = '/cgi-bin/index.cgi';

/** Waits until a host's published port answers, and returns what it says. */
export async function page(swarm: Swarm, host: string, port: number): Promise<string> {
  const url = `http://${await swarm.lab.address(host)}:${port}${WHOAMI}`;
  return eventually(
    `${url} answers`,
    10_000,
    async () => {
      const answer = await fetch(url, {
        headers: { connection: 'close' },
        signal: AbortSignal.timeout(2_000),
      });
      return answer.ok && (await answer.text()).trim();
    },
    () => swarm.explain(),
  );
}

/** Waits until a container reaches a name's port 8080, and returns what is said there. */
export async function call(swarm: Swarm, host: string, container: string, name: string): Promise<string> {
  const command = ['exec', container, 'timeout', '2', 'wget', '-qO-', `http://${name}:8080${WHOAMI}`];
  let last = '';
  return eventually(
    `${container} on ${host} reaches ${name}`,
    20_000,
    async () => {
      const { code, stdout, stderr } = await swarm.lab.tryDocker(host, command);
      last = `exit code ${code}: ${stdout}${stderr}`;
      return code === 0 && stdout.trim();
    },
    async () => last,
  );
}

/** The first container of a service on a host. */
export async function containerOf(swarm: Swarm, host: string, service: string): Promise<string> {
  const [name] = await swarm.containers(host, service);
  if (name) return name;
  throw new Error(`${service} has no container on ${host}\n${await swarm.explain(service)}`);
}
