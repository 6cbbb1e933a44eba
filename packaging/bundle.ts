/**
 * Makes what bin/essaim runs out of the sources and the packages that they use, in `dist`: few files without types, of which a
 * process loads those that it needs. Read one by one, with all that they export and their types, the sources would take a
 * daemon half as much memory again. bin/essaim has it made whenever a source is newer, so nobody runs what is out of date.
 */
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type ChunkingContext, type LogLevel, type Plugin, type RollupLog, rolldown } from 'rolldown';
import { ROOT } from '../src/node/root.ts';

const DIST = join(ROOT, 'dist');
/** What bin/essaim runs: a link to the folder of the newest build. */
const PROGRAM = join(DIST, 'program');
/** Builds that are kept: daemons that run may still load parts of theirs. */
const KEPT = 4;

/** What a module runs as a process of its own becomes a file that keeps its name. */
const programs: Plugin = {
  name: 'programs',
  async transform(code, id) {
    const found = [...code.matchAll(/new URL\('([\w-]+)\.ts', import\.meta\.url\)/g)];
    if (found.length === 0) return undefined;
    let text = code;
    for (const [whole, name] of found) {
      const file = join(dirname(id), `${name}.ts`);
      const reference = this.emitFile({ type: 'chunk', id: file, fileName: `${name}.js` });
      text = text.replace(whole, `new URL(import.meta.ROLLUP_FILE_URL_${reference})`);
    }
    return { code: text };
  },
};

const started = new Date();
await mkdir(DIST, { recursive: true });
const folder = await mkdtemp(join(DIST, 'build-'));
await chmod(folder, 0o755);
try {
  // Each by itself: a command does not load what it has in common with the daemon as a part of that.
  const packages = [
    ...(await bundle(folder, 'main', 'src/cli/main.ts', { 'src/daemon/main.ts': './daemon.js' })),
    ...(await bundle(folder, 'daemon', 'src/daemon/main.ts', {})),
  ];
  await writeFile(join(folder, 'LICENSES'), await licenses(new Set(packages.sort())));
  // Whatever has changed since is newer.
  await writeFile(join(folder, 'stamp'), '');
  await utimes(join(folder, 'stamp'), started, started);
} catch (error) {
  await rm(folder, { recursive: true });
  throw error;
}
await symlink(basename(folder), `${folder}.link`);
await rename(`${folder}.link`, PROGRAM);
await prune();

/** Writes the files of one entry, and of all that it loads. Returns the folders of the packages that are in them. */
async function bundle(into: string, name: string, source: string, external: Record<string, string>): Promise<string[]> {
  const paths = Object.fromEntries(Object.entries(external).map(([from, to]) => [join(ROOT, from), to]));
  const built = await rolldown({
    input: { [name]: join(ROOT, source) },
    platform: 'node',
    plugins: [programs],
    external: (id, importer) => importer !== undefined && join(dirname(importer), id) in paths,
    onLog,
  });
  const { output } = await built.generate({
    comments: false,
    entryFileNames: '[name].js',
    // No daemon takes a part of another build for one of its own: it does not find it.
    chunkFileNames: '[name]-[hash].js',
    paths: (id) => paths[id] ?? id,
    codeSplitting: { groups: [{ debugName: name, name: atOnce(join(ROOT, source), `${name}-parts`) }] },
  });
  await built.close();
  const chunks = output.filter((file) => file.type === 'chunk');
  for (const { fileName, code } of chunks) await writeFile(join(into, fileName), ascii(code));
  const modules = chunks.flatMap(({ moduleIds }) => moduleIds);
  return modules.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []);
}

/** All that a module loads as it is loaded, but for itself, goes into one file of that name. */
function atOnce(entry: string, name: string): (id: string, graph: ChunkingContext) => string | null {
  const loaded = new Set<string>();
  return (id, graph) => {
    if (loaded.size === 0) {
      loaded.add(entry);
      for (const each of loaded) for (const next of graph.getModuleInfo(each)?.importedIds ?? []) loaded.add(next);
    }
    return loaded.has(id) ? name : null;
  };
}

/** Code with other characters takes twice the memory. They all stand in texts and patterns, where their numbers do as well. */
function ascii(code: string): string {
  // A backslash in front of such a character means nothing there, unless another one in front of it makes it a text's own.
  return code.replace(/(\\\\)|\\?([^\x00-\x7f])/g, (_, own: string | undefined, char: string) => own ?? `\\u${hex(char)}`);
}

function hex(char: string): string {
  return char.charCodeAt(0).toString(16).padStart(4, '0');
}

/** What packages warn of is not ours to change; that something cannot be found is. */
function onLog(level: LogLevel, log: RollupLog): void {
  if (log.code === 'UNRESOLVED_IMPORT') throw new Error(log.message);
  if (level === 'warn' && !log.id?.includes('/node_modules/')) process.stderr.write(`${log.message}\n`);
}

/** The licenses of the packages that are part of it, which ask to be handed on. */
async function licenses(packages: Iterable<string>): Promise<string> {
  const texts = [...packages].map(async (folder) => {
    const { name, version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Record<string, string>;
    const file = (await readdir(folder)).find((each) => /^licen[cs]e/i.test(each));
    return `${name} ${version}\n\n${file ? await readFile(join(folder, file), 'utf8') : 'see its package'}`;
  });
  return (await Promise.all(texts)).join(`\n${'-'.repeat(72)}\n`);
}

/** Removes builds that are long out of date. */
async function prune(): Promise<void> {
  const names = (await readdir(DIST)).filter((name) => name.startsWith('build-'));
  const aged = await Promise.all(names.map(async (name) => ({ name, at: (await stat(join(DIST, name))).mtimeMs })));
  aged.sort((a, b) => b.at - a.at);
  for (const { name } of aged.slice(KEPT)) await rm(join(DIST, name), { recursive: true, force: true });
}
