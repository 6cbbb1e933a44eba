/** Secrets and configs as files of containers. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../../support/lab.ts';
import type { Scenario } from './hosts.ts';

export const contents: Scenario = (swarm) => {
  test('configs and secrets with execute permission are executed on every engine', async () => {
    const script = join(swarm().lab.home, 'ep.sh');
    await writeFile(script, '#!/bin/sh\necho it ran\ntrap "exit 0" TERM\nwhile :; do sleep 0.2; done\n');
    const targets = { config: '/ep.sh', secret: '/run/secrets/ep.sh' };
    for (const [kind, target] of Object.entries(targets)) {
      await swarm().docker(kind, 'create', 'ep', script);
      const option = `source=ep,target=${target},mode=0755`;
      await swarm().create('--name', kind, '--mode', 'global', `--${kind}`, option, 'busybox', target);
    }
    for (const kind of Object.keys(targets)) {
      await swarm().converge(kind, 3);
      await eventually('all have run it', 10_000, async () => {
        const said = await swarm().docker('service', 'logs', '--raw', kind);
        return said === Array(3).fill('it ran').join('\n');
      });
    }
    await swarm().clear();
    for (const kind of Object.keys(targets)) await swarm().docker(kind, 'rm', 'ep');
  });
};
