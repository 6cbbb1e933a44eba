/** One page in Chromium: what it costs the browser, and when it shows what. */
import type { CDPSession, Page } from 'playwright-core';
import { COOKIE } from '../../src/ui/gateway/identify.ts';
import type { TestBrowser } from '../../test/support/browser.ts';

export interface Cost {
  /** Of the page's main thread, ms. */
  cpu: number;
  redraws: number;
  /** Bytes in the heap: after it was cleaned, and the most that was seen. */
  heap: number;
  most: number;
}

/** Runs in the page: notes when the first row was there, and when each text of the probe was. */
const WATCH = `
  globalThis.shown = new Map();
  new MutationObserver(() => {
    if (globalThis.firstRow === undefined && document.querySelector('.dt-row')) globalThis.firstRow = performance.now();
    const probe = /\\((probe \\d+)\\)/.exec(document.querySelector('main')?.textContent ?? '')?.[1];
    if (probe && !shown.has(probe)) shown.set(probe, Date.now());
  }).observe(document, { childList: true, subtree: true, characterData: true });
`;

export class BenchPage {
  readonly page: Page;
  readonly #devtools: CDPSession;
  #frames = 0;

  private constructor(page: Page, devtools: CDPSession) {
    this.page = page;
    this.#devtools = devtools;
    devtools.on('Network.webSocketFrameReceived', () => this.#frames++);
  }

  static async open(browser: TestBrowser, host: string, session: string): Promise<BenchPage> {
    const { context, page } = await browser.visitor();
    page.setDefaultTimeout(60_000);
    await context.addCookies([
      {
        name: COOKIE,
        value: session,
        url: `https://${host}`,
        secure: true,
        httpOnly: true,
        sameSite: 'Strict',
      },
    ]);
    await page.addInitScript(WATCH);
    const devtools = await context.newCDPSession(page);
    await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
    await devtools.send('Network.enable');
    return new BenchPage(page, devtools);
  }

  /** Milliseconds from the beginning of the navigation until there was a row. */
  async firstRow(url: string): Promise<number> {
    await this.page.goto(url);
    await this.page.locator('.dt-row').first().waitFor();
    return this.page.evaluate('globalThis.firstRow');
  }

  /** What the next so many seconds cost. */
  async cost(seconds: number): Promise<Cost> {
    const before = await this.#metrics();
    const frames = this.#frames;
    let most = 0;
    for (let i = 0; i < seconds * 2; i++) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      most = Math.max(most, (await this.#metrics()).heap);
    }
    const after = await this.#metrics();
    const redraws = this.#frames - frames;
    await this.#devtools.send('HeapProfiler.collectGarbage');
    const { heap } = await this.#metrics();
    return { cpu: after.cpu - before.cpu, redraws, heap, most };
  }

  async #metrics(): Promise<{ cpu: number; heap: number }> {
    const { metrics } = await this.#devtools.send('Performance.getMetrics');
    const of = (name: string): number => metrics.find((each) => each.name === name)?.value ?? 0;
    return { cpu: of('TaskDuration') * 1000, heap: of('JSHeapUsedSize') };
  }

  /** When each text of the task page's message was first on it. */
  async shown(): Promise<Map<string, number>> {
    return new Map(await this.page.evaluate<Array<[string, number]>>('[...globalThis.shown]'));
  }
}
