/**
 * Looks from where it runs at what names lead to and at who answers; prints JSON. It imports nothing of the project.
 * usage: node look.ts TIMES NAME,… URL,…: each URL is asked TIMES times, one after the other.
 */
import { resolve4 } from 'node:dns/promises';
import { get } from 'node:http';

export interface Sight {
  /** By name: its addresses, sorted. */
  names: Record<string, string[]>;
  /** By URL: the names of those who answered, sorted, each once. */
  answered: Record<string, string[]>;
  /** What did not answer, and why. */
  failures: string[];
}

const [times, names, urls] = process.argv.slice(2) as [string, string, string];
const list = (text: string): string[] => text.split(',').filter(Boolean);
const sight: Sight = { names: {}, answered: {}, failures: [] };

function ask(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, timeout: 2_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', reject).on('end', () => resolve(text.trim()));
    });
    request.on('timeout', () => request.destroy(new Error('no answer for 2 s'))).on('error', reject);
  });
}

for (const name of list(names))
  sight.names[name] = await resolve4(name).then(
    (addresses) => addresses.sort(),
    (error: Error) => {
      sight.failures.push(error.message);
      return [];
    },
  );
for (const url of list(urls)) {
  const answers = new Set<string>();
  for (let i = 0; i < Number(times); i++)
    await ask(url).then(
      (answer) => answers.add(answer),
      (error: Error) => sight.failures.push(`${url}: ${error.message}`),
    );
  sight.answered[url] = [...answers].sort();
}
process.stdout.write(`${JSON.stringify(sight)}\n`);
