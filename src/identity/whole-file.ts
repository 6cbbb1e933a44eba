/** Files that are replaced as a whole: whatever moment the power goes, a file is as it was before or as it is now. */
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Writes a file durably, for its owner's eyes only, and its folder if there is none. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const folder = dirname(path);
  const partial = `${path}.new`;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await rm(partial, { force: true });
  const file = await open(partial, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(partial, path);
  const directory = await open(folder, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
