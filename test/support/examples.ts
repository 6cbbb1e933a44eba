/** The example applications (`examples/`) on lab hosts. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { execute, type Lab } from './lab.ts';

const folder = fileURLToPath(new URL('../../examples/', import.meta.url));

/** A file of an example: `voting/docker-stack.yml`. */
export const exampleFile = (path: string): Promise<Buffer> => readFile(folder + path);

/** Gives hosts the images of an example. Where they were never built, the engine of the first host does it. */
export async function loadExample(lab: Lab, name: string, hosts: readonly string[]): Promise<void> {
  const env = { ...process.env, DOCKER_HOST: `unix://${lab.engineSocket(hosts[0]!)}` };
  const { code, stdout, stderr } = await execute(`${folder}build`, [name], env);
  if (code !== 0) throw new Error(`examples/build ${name}: exit code ${code}\n${stderr}`);
  await lab.must('load', ...hosts, stdout.trim());
}
