/**
 * Asks a real engine in swarm mode what it makes of the templates of templates.jsonl, which ours are held against in
 * src/model/template/template.test.ts. Needs root; the engine is the `dockerd` that comes first on PATH.
 *
 *     node test/oracle/templates.ts           # prints what differs from the table; exit code 1 if anything does
 *     node test/oracle/templates.ts --write   # writes what the engine said into the table
 */
import { writeFile } from 'node:fs/promises';
import { type Answer, askEngine, readTable, TABLE } from './ask.ts';

const cases = await readTable();
const { version, answers } = await askEngine(cases);
const text = ({ gives, fails }: Answer): string => JSON.stringify(gives ?? { fails });
if (process.argv.includes('--write')) {
  const lines = cases.map(({ template, payload }, at) =>
    JSON.stringify({ template, payload, ...answers[at] }),
  );
  await writeFile(TABLE, `${lines.join('\n')}\n`);
} else {
  let different = 0;
  for (const [at, one] of cases.entries()) {
    if (text(one) === text(answers[at]!)) continue;
    different++;
    process.stdout.write(`${one.template}\n  table:  ${text(one)}\n  engine: ${text(answers[at]!)}\n`);
  }
  process.stdout.write(`${different} of ${cases.length} templates differ\n`);
  if (different > 0) process.exitCode = 1;
}
process.stdout.write(`${cases.length} templates were expanded by engine ${version}\n`);
