import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { MachineError, type SshTarget } from '../driver.ts';

/** What of a target was said; the rest is said by the user's configuration of ssh. */
export type AskedTarget = Pick<SshTarget, 'host' | 'key'> & Partial<SshTarget>;

/** `[user@]host[:port]`; what it says counts more than the options beside it. @throws MachineError */
export function parseTarget(
  text: string,
  given: { user?: string; port?: string; key?: string },
): AskedTarget {
  const match =
    /^(?:ssh:\/\/)?(?:([^@\s]+)@)?(?:\[([0-9a-fA-F:.%]+)\]|([^\s:@[\]/]+)|([0-9a-fA-F:]*:[0-9a-fA-F:]*:[0-9a-fA-F:.]*))(?::(\d+))?\/?$/.exec(
      text,
    );
  const host = match?.[2] ?? match?.[3] ?? match?.[4];
  if (!match || !host || host.startsWith('-') || /['"`$\\;&<>|(){},]/.test(host)) {
    throw new MachineError(`"${text}" is no host: give [USER@]HOST[:PORT], for example root@203.0.113.7.`);
  }
  const user = match[1] ?? given.user;
  if (user !== undefined && !/^[A-Za-z0-9_][\w.-]*\$?$/.test(user))
    throw new MachineError(`"${user}" is no name of a user.`);
  const port = match[5] ?? given.port;
  if (port !== undefined && (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535))
    throw new MachineError(`"${port}" is no port: give a number from 1 to 65535.`);
  return {
    host,
    ...(user !== undefined && { user }),
    ...(port !== undefined && { port: Number(port) }),
    ...(given.key !== undefined && { key: keyFile(given.key) }),
  };
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
