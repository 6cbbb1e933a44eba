/** Containers straight on an engine, with nothing on top: no orchestrator can ask less of it. */
import type { EngineClient } from '../../src/engine/client.ts';
import { empty } from './sides.ts';

export interface Alone {
  readonly engine: EngineClient;
  readonly id: string;
}

export interface AloneOptions {
  readonly image: string;
  /** The image's own if not given. */
  readonly command?: readonly string[];
  /** A network of the engine's own, by name. */
  readonly network?: string | undefined;
}

/** Resolves when it runs. */
export async function startAlone(engine: EngineClient, options: AloneOptions): Promise<Alone> {
  const { image, command, network } = options;
  const body = {
    Image: image,
    ...(command && { Entrypoint: command, Cmd: [] }),
    ...(network && { HostConfig: { NetworkMode: network } }),
  };
  const { Id: id } = await engine.json<{ Id: string }>('POST', '/containers/create', { body });
  await empty(engine, 'POST', `/containers/${id}/start`);
  return { engine, id };
}

/** So many, all at once, one engine after the other. Resolves when all run. */
export function startAll(
  engines: readonly EngineClient[],
  count: number,
  options: AloneOptions,
): Promise<Alone[]> {
  const start = (_: unknown, i: number): Promise<Alone> => startAlone(engines[i % engines.length]!, options);
  return Promise.all(Array.from({ length: count }, start));
}

/** Kills and removes it. */
export async function removeAlone({ engine, id }: Alone): Promise<void> {
  await empty(engine, 'DELETE', `/containers/${id}?force=1&v=1`);
}

/** Asks it to end, waits for that, and removes it. */
export async function stopAlone(container: Alone): Promise<void> {
  await empty(container.engine, 'POST', `/containers/${container.id}/stop`);
  await removeAlone(container);
}
