import { spawn } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MachineError } from './driver.ts';

/**
 * Calls `use` with the path of a tar file of the image: `image` itself where it names a file, otherwise what
 * `docker save` makes of it on the engine that the docker CLI talks to.
 */
export async function withImageFile<T>(image: string, use: (path: string) => Promise<T>): Promise<T> {
  const file = await stat(image).catch(() => undefined);
  if (file?.isFile()) return use(image);
  if (/\.tar(\.\w+)?$/.test(image)) throw new MachineError(`There is no file ${image}.`);
  const directory = await mkdtemp(join(tmpdir(), 'essaim-image-'));
  try {
    const path = join(directory, 'image.tar');
    await save(image, path);
    return await use(path);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function save(image: string, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const docker = spawn('docker', ['save', '--output', path, image], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let words = '';
    docker.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      words += chunk;
    });
    docker.on('error', (error) => reject(new MachineError(`docker save ${image}: ${error.message}`)));
    docker.on('close', (code) => {
      if (code === 0) resolve();
      else
        reject(
          new MachineError(
            `"${image}" is neither a file here nor an image of the local engine: ${words.trim()}`,
          ),
        );
    });
  });
}
