/**
 * `npm run package`: makes what Essaim is installed from, in `build`: an npm tarball, a Debian package, and the context of an image.
 * All have the same files: the program as it was built from the sources, and the built web interface.
 */
import { access, chmod, copyFile, cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { run } from '../src/machine/exec.ts';
import { stage } from '../src/machine/release.ts';
import { ROOT } from '../src/node/root.ts';
import { completions } from './completions.ts';
import { debianArchitecture, debianControl } from './debian.ts';
import { manPage } from './man.ts';

const BUILD = join(ROOT, 'build');
const SERVICES = ['essaim.service', 'essaim-tasks.service'];

interface PackageJson {
  readonly name: string;
  readonly version: string;
  readonly [key: string]: unknown;
}

await access(join(ROOT, 'web/dist/index.html')).catch(() => {
  throw new Error('The web interface is not built: make web');
});
await rm(BUILD, { recursive: true, force: true });
const description = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as PackageJson;
const tree = join(BUILD, 'tree');
// Builds the program where the sources are newer.
await run(join(ROOT, 'bin/essaim'), ['--version']);
await stage(tree, true);
// What is needed to make packages is not part of them.
await rm(join(tree, 'packaging/Dockerfile'));
const extras = {
  'essaim.1.gz': gzipSync(await manPage(description.version), { level: 9 }),
  ...(await completions()),
};
const made = [await npmTarball(), await debianPackage(), await imageContext()];
await rm(tree, { recursive: true });
process.stdout.write(made.map((path) => `${path}\n`).join(''));

/** What `npm install -g` takes; npm brings Node.js, the one package that is not part of what was built. */
async function npmTarball(): Promise<string> {
  const folder = join(BUILD, 'npm');
  await mkdir(folder);
  for (const part of ['bin', 'dist', 'src', 'web', 'packaging']) await cp(join(tree, part), join(folder, part), { recursive: true });
  for (const file of ['README.md', 'CHANGELOG.md', 'LICENSE']) await copyFile(join(ROOT, file), join(folder, file));
  await mkdir(join(folder, 'man'));
  await writeFile(join(folder, 'man/essaim.1.gz'), extras['essaim.1.gz']);
  const { private: _private, scripts: _scripts, devDependencies: _dev, ...rest } = description;
  // The version that was tested, not a newer one.
  const dependencies = { node: await versionOf('node') };
  const published = { ...rest, dependencies, man: ['man/essaim.1.gz'], files: ['bin', 'dist', 'src', 'web', 'packaging', 'man', 'CHANGELOG.md'] };
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(published, null, 2)}\n`);
  await run('npm', ['pack', '--silent', '--pack-destination', BUILD, folder]);
  await rm(folder, { recursive: true });
  return join(BUILD, `${description.name}-${description.version}.tgz`);
}

async function versionOf(name: string): Promise<string> {
  const text = await readFile(join(ROOT, 'node_modules', name, 'package.json'), 'utf8');
  return (JSON.parse(text) as PackageJson).version;
}

async function debianPackage(): Promise<string> {
  const folder = join(BUILD, 'deb');
  const put = async (path: string, content: string | Buffer, mode = 0o644): Promise<void> => {
    const file = join(folder, path);
    await mkdir(join(file, '..'), { recursive: true });
    await writeFile(file, content, { mode });
    await chmod(file, mode);
  };
  await mkdir(join(folder, 'usr/lib'), { recursive: true });
  await cp(tree, join(folder, 'usr/lib/essaim'), { recursive: true, verbatimSymlinks: true });
  await rm(join(folder, 'usr/lib/essaim/LICENSE'));
  await mkdir(join(folder, 'usr/bin'));
  await symlink('../lib/essaim/bin/essaim', join(folder, 'usr/bin/essaim'));
  for (const service of SERVICES) {
    const text = await readFile(join(ROOT, 'packaging', service), 'utf8');
    await put(`lib/systemd/system/${service}`, text.replaceAll('@PROGRAM@', '/usr/bin/essaim'));
  }
  await put('etc/default/essaim', '# Options of "essaim daemon": see essaim(1).\nESSAIM_OPTIONS=\n');
  await put('usr/share/man/man1/essaim.1.gz', extras['essaim.1.gz']);
  await put('usr/share/bash-completion/completions/essaim', extras.bash);
  await put('usr/share/zsh/vendor-completions/_essaim', extras.zsh);
  await put('usr/share/fish/vendor_completions.d/essaim.fish', extras.fish);
  await put('usr/share/doc/essaim/copyright', await readFile(join(ROOT, 'LICENSE')));
  await put('usr/share/doc/essaim/changelog.gz', gzipSync(await readFile(join(ROOT, 'CHANGELOG.md')), { level: 9 }));
  const size = Number((await run('du', ['-sk', folder])).split('\t')[0]);
  for (const [name, content] of Object.entries(debianControl(description.version, size)))
    await put(`DEBIAN/${name}`, content, /^(post|pre)/.test(name) ? 0o755 : 0o644);
  const file = join(BUILD, `essaim_${description.version}_${debianArchitecture()}.deb`);
  await run('dpkg-deb', ['--root-owner-group', '-Zgzip', '-z4', '--build', folder, file]);
  await rm(folder, { recursive: true });
  return file;
}

/** What `docker build` makes the image of; its base is to have the programs of the host's networks. */
async function imageContext(): Promise<string> {
  const folder = join(BUILD, 'image');
  await mkdir(folder);
  await cp(tree, join(folder, 'essaim'), { recursive: true, verbatimSymlinks: true });
  await copyFile(join(ROOT, 'packaging/Dockerfile'), join(folder, 'Dockerfile'));
  return folder;
}
