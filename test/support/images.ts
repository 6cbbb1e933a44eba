/**
 * Images for tests and for trying out, made without a registry and without an engine: one tar file in the format of
 * `docker save`, built around the static busybox of this system.
 *
 * - `busybox:latest`: a shell and the usual small programs.
 * - `whoami:latest`, `whoami:1`: answers each HTTP request on port 8080 with its host name; ends at once on SIGTERM.
 * - `whoami:2`: the same as an image of its own, to update to (its answers' `Version` header says 2).
 * - `whoami:healthy`: the same with a health check.
 *
 * Run as a program, it prints the path of the file.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const exec = promisify(execFile);
const BUSYBOX = '/bin/busybox';
const cache = fileURLToPath(new URL('../../node_modules/.cache/essaim/', import.meta.url));
const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');

/** As the container's first process httpd would not hear SIGTERM: the shell before it does. */
const WHOAMI = `#!/bin/sh
trap 'exit 0' TERM INT
httpd -f -p "\${PORT:-8080}" -h /www &
wait
`;
const ANSWER = `#!/bin/sh
read -r name </etc/hostname
printf 'Content-Type: text/plain\\r\\nVersion: %s\\r\\n\\r\\n%s\\n' "$VERSION" "$name"
`;

interface Layer {
  readonly id: string;
  readonly tar: Buffer;
}

interface ImageSpec {
  readonly tags: readonly string[];
  readonly layers: readonly Layer[];
  readonly config: Record<string, unknown>;
}

/** Path of the tar file with all images, for `docker load`; makes it where it is not there yet. */
export async function imagesTar(): Promise<string> {
  const made = [await readFile(BUSYBOX), await readFile(fileURLToPath(import.meta.url))].map(sha256).join();
  const path = join(cache, `images-${sha256(made).slice(0, 16)}.tar`);
  if (await stat(path).catch(() => undefined)) return path;
  const work = await mkdtemp(join(tmpdir(), 'essaim-images-'));
  try {
    await writeImages(join(work, 'images'), await specs(work));
    await mkdir(cache, { recursive: true });
    await tar(join(work, 'images'), `${path}.${process.pid}`);
    await rename(`${path}.${process.pid}`, path);
  } finally {
    await rm(work, { recursive: true });
  }
  return path;
}

async function specs(work: string): Promise<ImageSpec[]> {
  const { stdout: applets } = await exec(BUSYBOX, ['--list']);
  const base = await layer(join(work, 'base'), async (root) => {
    for (const dir of ['bin', 'etc', 'tmp', 'root', 'var']) await mkdir(join(root, dir), { recursive: true });
    await chmod(join(root, 'tmp'), 0o1777);
    await copyFile(BUSYBOX, join(root, 'bin/busybox'));
    for (const applet of applets.trim().split('\n')) {
      if (applet !== 'busybox') await symlink('busybox', join(root, 'bin', applet));
    }
    await writeFile(
      join(root, 'etc/passwd'),
      'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
    );
    await writeFile(join(root, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
  });
  const server = await layer(join(work, 'server'), async (root) => {
    await mkdir(join(root, 'www/cgi-bin'), { recursive: true });
    await writeFile(join(root, 'whoami'), WHOAMI, { mode: 0o755 });
    await writeFile(join(root, 'www/cgi-bin/index.cgi'), ANSWER, { mode: 0o755 });
  });
  const layers = [base, server];
  const whoami = (version: string) => ({
    Env: ['PATH=/bin', `VERSION=${version}`],
    Cmd: ['/whoami'],
    ExposedPorts: { '8080/tcp': {} },
  });
  const second = 1_000_000_000;
  const check = ['CMD', 'wget', '-q', '-O', '/dev/null', 'http://127.0.0.1:8080/'];
  const Healthcheck = { Test: check, Interval: second, Timeout: 2 * second, Retries: 3 };
  return [
    { tags: ['busybox:latest'], layers: [base], config: { Env: ['PATH=/bin'], Cmd: ['sh'] } },
    { tags: ['whoami:latest', 'whoami:1'], layers, config: whoami('1') },
    { tags: ['whoami:2'], layers, config: whoami('2') },
    { tags: ['whoami:healthy'], layers, config: { ...whoami('1'), Healthcheck } },
  ];
}

async function layer(root: string, fill: (root: string) => Promise<void>): Promise<Layer> {
  await mkdir(root);
  await fill(root);
  const file = `${root}.tar`;
  await tar(root, file);
  const bytes = await readFile(file);
  return { id: sha256(bytes), tar: bytes };
}

/** Always the same bytes for the same content, so that images keep their ids. */
async function tar(directory: string, file: string): Promise<void> {
  const stable = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--format=gnu'];
  await exec('tar', [...stable, '-C', directory, '-cf', file, '.']);
}

async function writeImages(directory: string, images: readonly ImageSpec[]): Promise<void> {
  const manifest = [];
  for (const { tags, layers, config } of images) {
    for (const { id, tar: bytes } of layers) {
      await mkdir(dirname(join(directory, `${id}/layer.tar`)), { recursive: true });
      await writeFile(join(directory, `${id}/layer.tar`), bytes);
    }
    const rootfs = { type: 'layers', diff_ids: layers.map((l) => `sha256:${l.id}`) };
    const architecture = { x64: 'amd64', arm64: 'arm64' }[process.arch as string] ?? process.arch;
    const history = layers.map(() => ({ created: '2026-01-01T00:00:00Z', created_by: 'essaim' }));
    const image = { architecture, os: 'linux', created: '2026-01-01T00:00:00Z', config, rootfs, history };
    const text = JSON.stringify(image);
    const name = `${sha256(text)}.json`;
    await writeFile(join(directory, name), text);
    manifest.push({ Config: name, RepoTags: tags, Layers: layers.map((l) => `${l.id}/layer.tar`) });
  }
  await writeFile(join(directory, 'manifest.json'), JSON.stringify(manifest));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(`${await imagesTar()}\n`);
