/** Scripts in the network namespaces of containers, which the engine calls sandboxes. */
import { runScript } from './shell.ts';

/** The engine makes the namespace after it was told of it: looked for that often, that far apart (s). */
const TRIES = 200;
const PAUSE = 0.05;

/**
 * Runs a shell script in a container's namespace as soon as there is one.
 * @param sandbox as the engine names it: a path
 * @throws CommandError if it does not come, or the script fails
 */
export async function runInSandbox(sandbox: string, script: string): Promise<void> {
  const enter = `nsenter --net=${sandbox}`;
  await runScript(`tries=0
until ${enter} true 2>/dev/null; do
  tries=$((tries + 1)); [ $tries -lt ${TRIES} ] || exit 1; sleep ${PAUSE}
done
${enter} sh -e -s <<'INSIDE'
${script}INSIDE
`);
}
