/** TypeScript as JavaScript: Node.js takes types only out of files that no package manager has installed. */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';

const IMPORT =
  /((?:^|\n)[^\S\n]*(?:import|export)\b[^'";]*?from\s*|\bimport\(\s*|(?:^|\n)[^\S\n]*import\s+|new URL\(\s*)(['"])([^'"\n]+)\.ts\2/g;

/** Replaces each source below a folder by what it is without types; lines and columns stay. */
export async function stripFolder(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((each) => each.isFile() && each.name.endsWith('.ts'))) {
    const path = join(entry.parentPath, entry.name);
    const text = stripTypeScriptTypes(await readFile(path, 'utf8'));
    await writeFile(path.replace(/\.ts$/, '.js'), withJsImports(text));
    await rm(path);
  }
}

/** Imports and URLs of sources lead to what they have become. */
export function withJsImports(text: string): string {
  return text.replace(IMPORT, '$1$2$3.js$2');
}
