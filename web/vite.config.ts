import { createReadStream, createWriteStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { constants, createBrotliCompress, createGzip } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

/** Writes each file a second and a third time, as browsers take them: nothing is compressed while it is served. */
function compressed(): Plugin {
  let folder = '';
  return {
    name: 'compressed',
    apply: 'build',
    configResolved(config) {
      folder = join(config.root, config.build.outDir);
    },
    async closeBundle() {
      const names = await readdir(folder, { recursive: true });
      const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };
      for (const name of names.filter((each) => /\.(js|css|svg)$/.test(each))) {
        const path = join(folder, name);
        await pipeline(createReadStream(path), createGzip({ level: 9 }), createWriteStream(`${path}.gz`));
        await pipeline(createReadStream(path), createBrotliCompress(brotli), createWriteStream(`${path}.br`));
      }
    },
  };
}

export default defineConfig({
  root: import.meta.dirname,
  base: '/ui/',
  plugins: [react(), compressed()],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    // Nothing small is put into the page as a data address: scripts and styles come from files alone.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1_000,
  },
});
