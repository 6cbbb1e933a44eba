/** Logs as classic Swarm writes them, to stdout: `time="…" level=info msg="…"`. */
import type { Logger } from '../../fleet/contract.ts';
import { messageOf } from '../../model/errors.ts';

const LEVELS = ['debug', 'info', 'warn', 'error', 'fatal', 'panic'] as const;
export type Level = (typeof LEVELS)[number];

export const isLevel = (text: string): text is Level => LEVELS.includes(text as Level);

/** @param level what is less than that is left out */
export function textLog(level: Level, write: (line: string) => void = toStdout): Logger {
  const say = (at: Level) => (fields: object, message: string) => {
    if (LEVELS.indexOf(at) < LEVELS.indexOf(level)) return;
    const more = Object.entries(fields).map(([name, value]) => ` ${name}=${quoted(messageOf(value))}`);
    write(line(at, message) + more.join(''));
  };
  return { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
}

/** One line, without its end. */
export function line(level: Level, message: string): string {
  const time = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  return `time="${time}" level=${level === 'warn' ? 'warning' : level} msg=${JSON.stringify(message)}`;
}

function quoted(text: string): string {
  return /^[A-Za-z0-9._/@^+:-]+$/.test(text) ? text : JSON.stringify(text);
}

function toStdout(text: string): void {
  process.stdout.write(`${text}\n`);
}
