/**
 * Takes the pictures of docs/pictures: ten screens of the web interface, light, dark and as on a phone, on a cluster in
 * memory. What a log and a console would say without an engine is put into the page's socket here.
 *
 *   node test/support/pictures.ts [FOLDER]
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page, WebSocketRoute } from 'playwright-core';
import { COOKIE } from '../../src/ui/gateway/identify.ts';
import { TestPort } from '../../src/ui/testing/port.ts';
import { sampleCluster, sampleEngine } from '../web/sample.ts';
import { TestBrowser } from './browser.ts';

const FOLDER = process.argv[2] ?? join(import.meta.dirname, '../../docs/pictures');
const QUALITY = 0.75;

/** A name, where it is, and what is on it when it is there. */
const SCREENS: Array<[name: string, path: string, shows: string]> = [
  ['overview', '/', 'Wrong now'],
  ['stack', '/stacks/voting', 'voting_vote'],
  ['stack-editor', '/stacks/voting/edit', 'What a deployment would change'],
  ['services', '/services', 'voting_worker'],
  ['service-update', '/services/worker?tab=update', 'The update has stopped'],
  ['task', '/tasks/d1', 'it does not meet node.labels.disk==ssd'],
  ['logs', '/logs?service=vote&service=worker', 'connection from'],
  ['console', '/console/c1?name=voting_vote.1', 'Connected'],
  ['map', '/map', 'node2'],
];
const LOOKS = [
  { look: 'light', dark: false, width: 1120, height: 700 },
  { look: 'dark', dark: true, width: 1120, height: 700 },
  { look: 'phone', dark: false, width: 360, height: 640 },
];

const engines = { node2: (await sampleEngine()).client };
const [port, browser] = await Promise.all([TestPort.start(undefined, engines), TestBrowser.launch()]);
try {
  await port.cluster.put(...sampleCluster());
  await mkdir(FOLDER, { recursive: true });
  for (const { look, ...options } of LOOKS) {
    const { context, page } = await browser.visitor(options);
    page.setDefaultTimeout(60_000);
    await page.goto(`https://${port.host}/ui/`);
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    await take(page, `sign-in-${look}`);
    const value = await port.signedIn('administrator');
    await context.addCookies([
      { name: COOKIE, value, url: `https://${port.host}`, secure: true, httpOnly: true, sameSite: 'Strict' },
    ]);
    await page.routeWebSocket(/\/essaim\/live/, withLog);
    await page.routeWebSocket(/\/essaim\/console/, asConsole);
    for (const [name, path, shows] of SCREENS) {
      await page.goto(`https://${port.host}/ui${path}`);
      await page.getByText(shows).filter({ visible: true }).first().waitFor();
      await page.waitForLoadState('networkidle');
      await take(page, `${name}-${look}`);
    }
    await context.close();
  }
} finally {
  await browser[Symbol.asyncDispose]();
  await port[Symbol.asyncDispose]();
}

/** As WebP, which Chromium makes: a quarter of a PNG. */
async function take(page: Page, name: string): Promise<void> {
  const png = (await page.screenshot()).toString('base64');
  const other = await page.context().browser()!.newPage();
  const webp = await other.evaluate<string>(`(async () => {
    const image = new Image();
    image.src = 'data:image/png;base64,${png}';
    await image.decode();
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [image.width, image.height];
    canvas.getContext('2d').drawImage(image, 0, 0);
    return canvas.toDataURL('image/webp', ${QUALITY}).split(',')[1];
  })()`);
  await other.close();
  await writeFile(join(FOLDER, `${name}.webp`), Buffer.from(webp, 'base64'));
}

function withLog(socket: WebSocketRoute): void {
  const server = socket.connectToServer();
  socket.onMessage((text) => {
    const { op, channel } = JSON.parse(String(text)) as { op: string; channel: string };
    if (!channel.startsWith('logs?')) server.send(text);
    else if (op === 'open') socket.send(JSON.stringify({ channel, lines: logLines() }));
  });
}

function logLines() {
  const writers = ['v1', 'v2', 'w2', 'w3'];
  return Array.from({ length: 40 }, (_, index) => {
    const task = writers[(index * 7) % writers.length]!;
    const at = new Date(Date.now() - (40 - index) * 370).toISOString();
    const isVote = task.startsWith('v');
    const text = isVote
      ? `connection from 10.0.0.${(index % 9) + 2}: "POST / HTTP/1.1" 200`
      : `vote ${index}: ${index % 11 === 0 ? '\x1b[31mthe database does not answer, trying again\x1b[0m' : 'counted'}`;
    return { task, stream: index % 11 === 0 && !isVote ? 'stderr' : 'stdout', at, text };
  });
}

function asConsole(socket: WebSocketRoute): void {
  socket.send(JSON.stringify({ id: 'c'.repeat(32) }));
  const lines = [
    '/ # hostname',
    'voting_vote.1',
    '/ # ls /usr/src/app',
    'app.py  requirements.txt  static  templates',
    '/ # ',
  ];
  socket.send(Buffer.from(lines.join('\r\n')));
}
