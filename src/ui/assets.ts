/** The files of the browser's side, as Vite has built them. */
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { extname, join } from 'node:path';
import { ROOT } from '../node/root.ts';
import { COMMON, pageHeaders } from './headers.ts';

const BUILT = join(ROOT, 'web/dist');
/** Pages of the interface; everything else at this port is an API. */
export const PAGES = '/ui';
const NONCE = '__NONCE__';

const TYPES: Record<string, string> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
};

export interface FileAnswer {
  status: number;
  headers: OutgoingHttpHeaders;
  body: Buffer | string;
}

interface Asset {
  plain: Buffer;
  /** Made by the build, where it is worth it. */
  br?: Buffer;
  gz?: Buffer;
}

export class Assets {
  readonly #page: string;
  readonly #files: ReadonlyMap<string, Asset>;

  private constructor(page: string, files: ReadonlyMap<string, Asset>) {
    this.#page = page;
    this.#files = files;
  }

  /** Reads what was built; a page that says how to build it, if nothing was. */
  static async load(folder = BUILT): Promise<Assets> {
    const names: string[] = await readdir(folder, { recursive: true }).catch(() => []);
    if (!names.includes('index.html')) return new Assets(NOT_BUILT, new Map());
    const files = new Map<string, Asset>();
    for (const name of names) {
      if (!(extname(name) in TYPES)) continue;
      const other = (suffix: string) =>
        names.includes(name + suffix) ? readFile(join(folder, name + suffix)) : undefined;
      const [plain, br, gz] = await Promise.all([readFile(join(folder, name)), other('.br'), other('.gz')]);
      files.set(`${PAGES}/${name}`, { plain, ...(br && { br }), ...(gz && { gz }) });
    }
    return new Assets(await readFile(join(folder, 'index.html'), 'utf8'), files);
  }

  /** The answer to a GET of that path; undefined if it is no file and no page of the interface. */
  answer(path: string, accepted: IncomingHttpHeaders['accept-encoding']): FileAnswer | undefined {
    if (path === '/') return { status: 302, headers: { ...COMMON, location: `${PAGES}/` }, body: '' };
    if (path !== PAGES && !path.startsWith(`${PAGES}/`)) return undefined;
    const asset = this.#files.get(path);
    if (asset) return fileAnswer(asset, path, String(accepted ?? ''));
    if (path.startsWith(`${PAGES}/assets/`)) return { status: 404, headers: { ...COMMON }, body: '' };
    const nonce = randomBytes(16).toString('base64');
    const headers = { ...pageHeaders(nonce), 'content-type': 'text/html; charset=utf-8' };
    return { status: 200, headers, body: this.#page.replaceAll(NONCE, nonce) };
  }
}

function fileAnswer({ plain, br, gz }: Asset, path: string, accepted: string): FileAnswer {
  const [encoding, body] =
    br && /\bbr\b/.test(accepted) ? ['br', br] : gz && /\bgzip\b/.test(accepted) ? ['gzip', gz] : ['', plain];
  return {
    status: 200,
    headers: {
      ...COMMON,
      'content-type': TYPES[extname(path)]!,
      'content-length': body.length,
      // The names of the files under assets say what is in them.
      'cache-control': path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
      vary: 'accept-encoding',
      ...(encoding && { 'content-encoding': encoding }),
    },
    body,
  };
}

const NOT_BUILT = `<!doctype html><html lang="en"><title>Essaim</title>
<p>The web interface is not built yet: run <code>make web</code> in Essaim's folder and load this page again.</p></html>`;
