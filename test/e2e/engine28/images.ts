/** Images that one host has built run on hosts of other engines. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { containerOf, type Scenario } from './hosts.ts';

export const images: Scenario = (swarm) => {
  test('images that only one host has are copied to hosts of every other engine', async () => {
    const { hosts, lab } = swarm();
    const folder = await mkdtemp(join(tmpdir(), 'essaim-build-'));
    try {
      for (const host of hosts) {
        const script = `trap 'exit 0' TERM; while :; do sleep 0.2; done`;
        await writeFile(
          join(folder, 'Dockerfile'),
          `FROM busybox\nRUN echo ${host} >/text\nCMD ["sh", "-c", "${script}"]\n`,
        );
        await lab.docker(host, 'build', '-q', '-t', `from-${host}`, folder);
        await swarm().create('--name', host, '--mode', 'global', `from-${host}`);
      }
      for (const host of hosts) {
        await swarm().converge(host, 3);
        for (const other of hosts) {
          const container = await containerOf(swarm(), other, host);
          assert.equal(await lab.docker(other, 'exec', container, 'cat', '/text'), host);
        }
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
};
