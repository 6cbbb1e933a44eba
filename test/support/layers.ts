/**
 * Checks that imports point one way, as ARCHITECTURE.md says. Prints each import that does not and exits with 1.
 * Tests may import what they like; what they test may not.
 */
import { glob, readFile } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';

/** What each folder of src may import of the others: a whole folder, or one file of it. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  model: [],
  store: ['model'],
  control: ['model', 'store'],
  identity: ['model'],
  engine: ['model'],
  manager: ['model', 'store', 'control', 'identity', 'api/contract.ts', 'agent/contract.ts'],
  network: ['model', 'store/contract.ts'],
  agent: ['model', 'engine', 'identity', 'network'],
  api: ['model', 'store', 'engine', 'manager/contract.ts', 'agent/contract.ts'],
  machine: ['model'],
  daemon: ['model', 'store', 'control', 'identity', 'engine', 'manager', 'network', 'agent', 'api'],
  cli: ['model', 'machine', 'daemon'],
};
/** The planners are pure, and the model is what everything else is told in: neither reaches for the system. */
const WITHOUT_NODE: Readonly<Record<string, readonly string[]>> = { control: [], model: ['node:crypto'] };

const IMPORT =
  /^\s*(?:import|export)\b[^'";]*?from\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)|^\s*import\s+['"]([^'"]+)['"]/gm;

const wrong: string[] = [];
for await (const path of glob('src/**/*.ts')) {
  // Tests, and what only they use (testing.ts, testing-rig.ts …), stand beside the code.
  if (/(\.test|\/testing[^/]*)\.ts$/.test(path)) continue;
  const text = await readFile(path, 'utf8');
  for (const match of text.matchAll(IMPORT)) {
    const reason = objection(path, (match[1] ?? match[2] ?? match[3])!);
    const line = text.slice(0, match.index + match[0].search(/\S/)).split('\n').length;
    if (reason) wrong.push(`${path}:${line}: ${reason}`);
  }
}
for (const line of wrong) process.stderr.write(`${line}\n`);
if (wrong.length > 0) process.exitCode = 1;

/** Why the file may not import that, or undefined when it may. */
function objection(path: string, imported: string): string | undefined {
  const folder = path.split('/')[1]!;
  const allowed = MAY_IMPORT[folder];
  if (!allowed) return `${folder} is no known part of src: give it its place in test/support/layers.ts`;
  if (imported.startsWith('node:')) {
    const system = WITHOUT_NODE[folder];
    return system && !system.includes(imported)
      ? `${folder} is pure and must not import ${imported}`
      : undefined;
  }
  if (!imported.startsWith('.')) return undefined;
  const target = relative('.', resolve(dirname(path), imported));
  const [root, part, ...file] = target.split('/');
  if (root !== 'src' || !part)
    return target === 'package.json' ? undefined : `must not import ${target}, outside of src`;
  if (part === folder || allowed.includes(part) || allowed.includes(`${part}/${file.join('/')}`))
    return undefined;
  return `${folder} must not import ${target} (it may: ${allowed.join(', ') || 'nothing of ours'})`;
}
