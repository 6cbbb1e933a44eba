/** `essaim ui`, `essaim user …`, `essaim token …`: for whoever is root, or of the group docker, on a manager's host. */
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { Command } from 'commander';
import { ask, UsageError } from './daemon-api.ts';
import { table } from './table.ts';

interface UiAnswer {
  port: number;
  serving: boolean;
  error: string;
  address: string;
  needsSetup: boolean;
}

interface UserAnswer {
  name: string;
  role: string;
  stacks: string[];
  disabled: boolean;
  created: string;
}

interface TokenAnswer {
  name: string;
  scope: string;
  created: string;
  ends?: string;
  used?: string;
  secret?: string;
}

export function uiCommand(): Command {
  return new Command('ui')
    .description("print the web interface's address, and before the first account is made the code for that")
    .action(async () => {
      const { port, serving, error, address, needsSetup } = await ask<UiAnswer>('GET', '/essaim/ui');
      if (!serving)
        throw new UsageError(
          `the web interface is not served on this host: ${error || 'it is just starting'}`,
        );
      const host = address.includes(':') ? `[${address}]` : address;
      if (!needsSetup) {
        process.stdout.write(`https://${host}:${port}/\n`);
        return;
      }
      const { code } = await ask<{ code: string }>('POST', '/essaim/setup-code', {});
      process.stdout.write(`https://${host}:${port}/ui/#${code}\n`);
      process.stderr.write(
        `Open this address to choose the administrator's password, or type the code there: ${code}\n`,
      );
    });
}

interface UserOptions {
  role?: string;
  stack?: string[];
  passwordFile?: string;
}

export function userCommand(): Command {
  const user = new Command('user').description('accounts of the web interface and of API tokens');
  const many = (value: string, before: string[] = []): string[] => [...before, value];
  user
    .command('add <name>')
    .description('make an account')
    .option('--role <role>', 'administrator, operator, deployer or viewer', 'administrator')
    .option('--stack <name>', 'a stack that is a deployer’s own; may be given several times', many)
    .option('--password-file <file>', 'read the password from a file, "-" for standard input')
    .action(async (name: string, { role, stack, passwordFile }: UserOptions) => {
      const password = await passwordFrom(passwordFile);
      await ask('POST', '/essaim/users', { name, password, role, stacks: stack });
    });
  user
    .command('password <name>')
    .description('set an account’s password; ends its sessions')
    .option('--password-file <file>', 'read the password from a file, "-" for standard input')
    .action(async (name: string, { passwordFile }: UserOptions) => {
      const password = await passwordFrom(passwordFile);
      await ask('POST', `/essaim/users/${encodeURIComponent(name)}`, { password });
    });
  user
    .command('ls')
    .description('list the accounts')
    .action(async () => {
      const users = await ask<UserAnswer[]>('GET', '/essaim/users');
      const rows = users.map(({ name, role, stacks, disabled, created }) => [
        name,
        disabled ? `${role} (disabled)` : role,
        stacks.join(', ') || '-',
        created.slice(0, 16).replace('T', ' '),
      ]);
      process.stdout.write(`${table(['NAME', 'ROLE', 'STACKS', 'CREATED'], rows)}\n`);
    });
  user
    .command('rm <name...>')
    .description('remove accounts, with their sessions and tokens')
    .action(async (names: string[]) => {
      for (const name of names) await ask('DELETE', `/essaim/users/${encodeURIComponent(name)}`);
    });
  return user;
}

interface TokenOptions {
  user: string;
  scope?: string;
  days?: string;
}

export function tokenCommand(): Command {
  const token = new Command('token').description('API tokens of an account');
  token
    .command('create <name>')
    .description('make a token and print it: it is not shown again')
    .requiredOption('--user <user>', 'whose token it is; it can do what that account can')
    .option('--scope <scope>', 'all, or read for no writes', 'all')
    .option('--days <days>', 'how long it lasts', '90')
    .action(async (name: string, { user, scope, days }: TokenOptions) => {
      const path = `/essaim/tokens?user=${encodeURIComponent(user)}`;
      const made = await ask<TokenAnswer>('POST', path, { name, scope, days: Number(days) });
      process.stdout.write(`${made.secret}\n`);
    });
  token
    .command('ls')
    .description('list the tokens of an account')
    .requiredOption('--user <user>', 'whose tokens')
    .action(async ({ user }: TokenOptions) => {
      const tokens = await ask<TokenAnswer[]>('GET', `/essaim/tokens?user=${encodeURIComponent(user)}`);
      const day = (at: string | undefined): string => at?.slice(0, 16).replace('T', ' ') ?? '-';
      const rows = tokens.map(({ name, scope, created, ends, used }) => [
        name,
        scope,
        day(created),
        day(ends),
        day(used),
      ]);
      process.stdout.write(`${table(['NAME', 'SCOPE', 'CREATED', 'ENDS', 'LAST USED'], rows)}\n`);
    });
  token
    .command('rm <name...>')
    .description('withdraw tokens of an account')
    .requiredOption('--user <user>', 'whose tokens')
    .action(async (names: string[], { user }: TokenOptions) => {
      for (const name of names)
        await ask('DELETE', `/essaim/tokens/${encodeURIComponent(name)}?user=${encodeURIComponent(user)}`);
    });
  return token;
}

/** Without the line's end. Asks for it where there is a terminal. */
async function passwordFrom(file: string | undefined): Promise<string> {
  if (file === undefined && process.stdin.isTTY) {
    process.stderr.write('Password: ');
    // What is typed is shown nowhere.
    const output = new Writable({ write: (_chunk, _encoding, done) => done() });
    const typed = createInterface({ input: process.stdin, output, terminal: true });
    try {
      return await typed.question('');
    } finally {
      typed.close();
      process.stderr.write('\n');
    }
  }
  if (file === undefined)
    throw new UsageError('give the password with --password-file FILE, or - for standard input');
  const text = file === '-' ? await readAllInput() : await readFile(file, 'utf8').catch(unreadable(file));
  return text.replace(/\r?\n$/, '');
}

function unreadable(file: string): (error: Error) => never {
  return (error) => {
    throw new UsageError(`cannot read ${file}: ${error.message}`);
  };
}

async function readAllInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
