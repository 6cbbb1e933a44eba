/** Debian's Chromium, driven by playwright-core: what a person does, and what the page says of it. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

/** What Chromium says of requests that it has given up as the network has changed. */
const CHANGED = 'net::ERR_NETWORK_CHANGED';

export class TestBrowser implements AsyncDisposable {
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async launch(): Promise<TestBrowser> {
    const browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      // Tests run as root; a container's /dev/shm is small.
      args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
    });
    return new TestBrowser(browser);
  }

  /** Somebody with a profile of their own. Faults of the page are kept in `faults`. */
  async visitor(
    options: { width?: number; height?: number; dark?: boolean } = {},
  ): Promise<{ context: BrowserContext; page: Page; faults: string[] }> {
    const context = await this.#browser.newContext({
      // The certificate is the swarm's own.
      ignoreHTTPSErrors: true,
      viewport: { width: options.width ?? 1280, height: options.height ?? 800 },
      colorScheme: options.dark ? 'dark' : 'light',
      reducedMotion: 'reduce',
    });
    const page = await context.newPage();
    page.setDefaultTimeout(40_000);
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(String(error)));
    page.on('console', (message) => {
      const text = message.text();
      if (message.type() === 'error' && !/status of (40[01349]|503)/.test(text) && !text.includes(CHANGED))
        faults.push(text);
    });
    // Chromium gives up what is under way whenever an address of this machine comes or goes, and labs do that all the time.
    page.on('requestfailed', (request) => {
      const isPart = ['script', 'stylesheet'].includes(request.resourceType());
      if (isPart && request.failure()?.errorText === CHANGED) void page.reload().catch(() => undefined);
    });
    return { context, page, faults };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
let axe: string | undefined;

/** What of a page WCAG 2.2 AA forbids, as axe finds it. */
export async function violations(page: Page): Promise<string[]> {
  axe ??= await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  await page.evaluate(axe);
  return page.evaluate(async (tags) => {
    // biome-ignore lint/suspicious/noExplicitAny: axe is on the page, which has no types here
    const found = await (globalThis as any).axe.run({ runOnly: { type: 'tag', values: tags } });
    return found.violations.flatMap(
      ({ id, nodes }: { id: string; nodes: Array<{ target: string[]; failureSummary: string }> }) =>
        nodes.map(
          ({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${failureSummary.split('\n')[1]}`,
        ),
    );
  }, TAGS);
}
