import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { MachineError, type SshTarget } from '../driver.ts';

/** `[user@]host[:port]`; what it says counts more than the options beside it. @throws MachineError */
export function parseTarget(text: string, given: { user?: string; port?: string; key?: string }): SshTarget {
  const match =
    /^(?:ssh:\/\/)?(?:([^@\s]+)@)?(?:\[([0-9a-fA-F:.%]+)\]|([^\s:@[\]/]+)|([0-9a-fA-F:]*:[0-9a-fA-F:]*:[0-9a-fA-F:.]*))(?::(\d+))?\/?$/.exec(
      text,
    );
  const host = match?.[2] ?? match?.[3] ?? match?.[4];
  if (!match || !host || host.startsWith('-')) {
    throw new MachineError(`"${text}" is no host: give [USER@]HOST[:PORT], for example root@203.0.113.7.`);
  }
  const user = match[1] ?? given.user ?? 'root';
  if (!/^[A-Za-z0-9_][\w.-]*\$?$/.test(user)) throw new MachineError(`"${user}" is no name of a user.`);
  const port = match[5] ?? given.port ?? '22';
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535)
    throw new MachineError(`"${port}" is no port: give a number from 1 to 65535.`);
  return { host, user, port: Number(port), ...(given.key !== undefined && { key: keyFile(given.key) }) };
}

function keyFile(path: string): string {
  const file = resolve(path.replace(/^~(?=\/)/, homedir()));
  try {
    accessSync(file, constants.R_OK);
  } catch {
    throw new MachineError(`There is no readable key ${file}.`);
  }
  return file;
}
