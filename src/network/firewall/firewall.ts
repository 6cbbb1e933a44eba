/**
 * The host's iptables: the rules that let the overlays' links through, and those of the engine that its containers need,
 * which it does not look after itself.
 */

import { feed, runScript } from '../kernel/shell.ts';
import { LINK_PREFIX } from '../names.ts';
import { engineTables, lostRules, readTables, type Tables } from './engine-rules.ts';

/**
 * The engine lets nothing be forwarded that is not its own (policy DROP); other firewalls do the same with what comes in.
 * These rules stand behind what users put into DOCKER-USER. What may really pass on these links says our own table.
 */
const ACCEPT = [
  `FORWARD -i ${LINK_PREFIX}+ -j ACCEPT`,
  `FORWARD -o ${LINK_PREFIX}+ -j ACCEPT`,
  `INPUT -i ${LINK_PREFIX}+ -j ACCEPT`,
];
const EACH_IPTABLES = 'for tool in iptables ip6tables; do command -v $tool >/dev/null || continue';
export const OPEN = `${EACH_IPTABLES}
${ACCEPT.map((rule) => `  $tool -w 5 -C ${rule} 2>/dev/null || $tool -w 5 -A ${rule}\n`).join('')}done
`;
export const CLOSE = `${EACH_IPTABLES}
${ACCEPT.map((rule) => `  while $tool -w 5 -D ${rule} 2>/dev/null; do :; done\n`).join('')}done
`;
const TOOL = 'tool ';
/** Prints all rules that there are, of each tool behind a line with its name. */
const LIST = `${EACH_IPTABLES}
  echo "${TOOL}$tool"
  $tool-save 2>/dev/null || true
done
`;

/** What LIST has printed, by tool. One that has no rules at all prints nothing. */
export function listedByTool(output: string): Map<string, Tables> {
  const parts = `\n${output}`.split(`\n${TOOL}`).slice(1);
  return new Map(parts.map((text) => [text.split('\n', 1)[0]!, readTables(text)]));
}

export class Firewall {
  /** The engine's rules when they were seen last, by tool. */
  readonly #engines = new Map<string, Tables>();

  /** What is missing, in words. With `mend` what the engine has lost is put back; the links are let through by OPEN. */
  async check(mend: boolean): Promise<string[]> {
    const missing: string[] = [];
    for (const [tool, tables] of listedByTool(await runScript(LIST))) {
      const rules = tables.get('filter')?.rules ?? [];
      if (!ACCEPT.every((rule) => rules.includes(`-A ${rule}`)))
        missing.push(`${tool} does not let the overlays' links through`);
      const lost = lostRules(this.#engines.get(tool) ?? new Map(), tables);
      if (lost === '') this.#engines.set(tool, engineTables(tables));
      else {
        missing.push(`the engine's rules of ${tool} for all containers are missing`);
        if (mend) await runScript(feed(`${tool}-restore -w 5 --noflush`, lost));
      }
    }
    return missing;
  }
}
