/** `essaim swarm …`: classic Swarm's command line. */
import packageJson from '../../../package.json' with { type: 'json' };
import { COMMANDS, GLOBAL, helpOf } from './commands.ts';
import { FlagError, parseFlags } from './flags.ts';
import { isLevel, line, textLog } from './log.ts';

/** Runs a command to its end; what goes wrong is logged, as classic Swarm does it, and is the exit code. */
export async function runSwarm(argv: readonly string[]): Promise<void> {
  try {
    await run(argv);
  } catch (error) {
    const expected =
      error instanceof Error && !['TypeError', 'RangeError', 'ReferenceError'].includes(error.name);
    const text =
      error instanceof Error ? (expected ? error.message : (error.stack ?? error.message)) : String(error);
    process.stdout.write(`${line('fatal', text)}\n`);
    process.exitCode = 1;
  }
}

async function run(argv: readonly string[]): Promise<void> {
  const name = process.env.SWARM_NAME ?? 'essaim swarm';
  const { values: global, rest } = parseFlags(GLOBAL, argv, { interspersed: false });
  if (global.bool('version')) {
    process.stdout.write(`swarm version 1.2.9 (essaim ${packageJson.version})\n`);
    return;
  }
  const [word, ...words] = rest;
  const asked = word === 'help' || word === 'h' ? words[0] : word;
  const command = COMMANDS.find(({ names }) => asked !== undefined && names.includes(asked));
  if (!command) {
    process.stdout.write(helpOf(name));
    if (asked === undefined || global.bool('help')) return;
    throw new FlagError(`'${asked}' is no command: see '${name} --help'`);
  }
  if (word !== asked || global.bool('help')) {
    process.stdout.write(helpOf(name, command));
    return;
  }
  const { values, rest: left } = parseFlags(command.flags, words);
  const [verb] = command.names;
  if (values.bool('help')) {
    process.stdout.write(helpOf(name, command));
    return;
  }
  if (verb === 'create') {
    if (left.length > 0)
      throw new FlagError(`the \`create\` command takes no arguments. See '${name} create --help'.`);
    const { create } = await import('./join.ts');
    await create();
    return;
  }
  if (left.length > 1) {
    throw new FlagError(`the \`${verb}\` command takes exactly one argument. See '${name} ${verb} --help'.`);
  }
  const url = left[0] ?? process.env.SWARM_DISCOVERY ?? '';
  if (url === '') {
    const to = verb === 'manage' ? 'manage a cluster' : verb === 'join' ? 'join a cluster' : 'list a cluster';
    throw new FlagError(`discovery required to ${to}. See '${name} ${verb} --help'.`);
  }
  const level = global.bool('debug') ? 'debug' : global.text('log-level');
  if (!isLevel(level)) throw new FlagError(`not a valid logrus Level: "${level}"`);
  const log = textLog(level);
  const over = new AbortController();
  for (const each of ['SIGTERM', 'SIGINT'] as const) process.once(each, () => over.abort());
  if (verb === 'manage') {
    const { manage } = await import('./manage.ts');
    await manage(values, url, log, over.signal);
  } else {
    const { join, list } = await import('./join.ts');
    await (verb === 'join' ? join(values, url, log, over.signal) : list(values, url));
  }
}
