/** What the browser tests share: a swarm of two hosts, `ua` (its manager) and `ub`, and an administrator's page. */
import type { Page } from 'playwright-core';
import type { TestBrowser } from '../../support/browser.ts';
import type { Swarm } from '../../support/swarm.ts';

export interface Visit {
  swarm: Swarm;
  browser: TestBrowser;
  /** Of an administrator who is signed in. */
  page: Page;
  /** `https://…:9443` */
  origin: string;
  /** Of all accounts. */
  password: string;
}

/** The row of a table that has this text. */
export const rowOf = (page: Page, text: string) => page.locator('[role=row]').filter({ hasText: text });
