/** `essaim up`: one swarm of servers, three of which manage it; then handed to a colleague. */
import assert from 'node:assert/strict';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Server, Servers } from '../../support/servers.ts';

describe('essaim up', { timeout: 500_000 }, () => {
  let servers: Servers;
  let hosts: Server[];
  before(async () => {
    servers = await Servers.create();
    hosts = [];
    for (const name of ['ua', 'ub', 'uc', 'ud']) hosts.push(await servers.add(name, { engine: true }));
  });
  after(() => servers[Symbol.asyncDispose]());
  const names = () => hosts.map(({ address }) => `host-${address.replaceAll('.', '-')}`);
  const key = () => ['--ssh-key', servers.key];

  test('three servers are managers of one swarm, from nothing', async () => {
    const said = await servers.must(
      'up',
      ...key(),
      ...hosts.slice(0, 3).map(({ address }) => `root@${address}`),
    );
    assert.equal(said.match(/^host-\S+ +\S+ +manager$/gm)?.length, 3);
    assert.match(
      said,
      /docker talks to the swarm after: eval "\$\(essaim machine env host-192-168-96-\d+\)"/,
    );
    const { stdout } = await servers.shell(
      `eval "$(essaim machine env ${names()[2]})"; docker node ls --format '{{.Hostname}} {{.Status}} {{.ManagerStatus}}' | sort`,
    );
    assert.match(stdout, /^ua Ready Leader\nub Ready Reachable\nuc Ready Reachable\n$/);
  });

  test('again, with one more: it joins as a worker, the others stay', async () => {
    const all = hosts.map(({ address }) => address);
    const said = await servers.must('up', ...key(), ...all);
    assert.match(said, /: joining as a worker$/m);
    assert.doesNotMatch(said, /making a swarm/);
    const twice = await servers.essaim('up', ...key(), all[0]!, names()[0]!);
    assert.match(twice.stderr, /is named twice/);
    const many = await servers.essaim('up', '--managers', '9', ...key(), ...all);
    assert.match(many.stderr, /--managers takes a number from 1 to 4, not 9/);
  });

  test('is handed to a colleague, who is let in by the same certificates', async () => {
    const [file, words] = [join(servers.home, 'shared'), join(servers.home, 'words')];
    await writeFile(words, 'correct horse\n');
    assert.match(
      await servers.must('machine', 'export', '--passphrase-file', words, file),
      /root there by Docker's API/,
    );
    const home = join(servers.home, 'colleague');
    await mkdir(home);
    const as = (line: string) => servers.shell(line, { ESSAIM_HOME: home });
    await writeFile(`${words}.wrong`, 'battery staple\n');
    const wrong = await as(`essaim machine import --passphrase-file ${words}.wrong ${file}`);
    assert.match(
      wrong.stderr,
      /this is not the passphrase that the file of machines was made with; nothing was changed/,
    );
    const keyless = await as(`essaim machine import --passphrase-file ${words} --ssh-key /no-such ${file}`);
    assert.match(keyless.stderr, /There is no readable key \/no-such/);
    assert.deepEqual(await readdir(home), []);
    const nowhere = await servers.essaim('machine', 'export', '--passphrase-file', words, '/no-such/file');
    assert.match(nowhere.stderr, /^Nothing was written: .*ENOENT/);
    const taken = await as(`essaim machine create ${servers.at(hosts[0]!).join(' ')} mine`);
    assert.match(taken.stderr, /nothing was changed:\n.*somebody else has made it an Essaim host/);
    const { stdout, stderr } = await as(
      `essaim machine import --passphrase-file ${words} --ssh-key ${servers.key} ${file} && eval "$(essaim machine env ${names()[0]})" && docker node ls -q | wc -l && essaim machine ssh ${names()[3]} hostname`,
    );
    assert.equal(stderr, '');
    assert.match(stdout, /imported from .*\n4\nud\n$/s);
    const again = await as(`essaim machine import --passphrase-file ${words} ${file}`);
    assert.match(again.stderr, /already exists; nothing was imported/);
    const backup = await as(`essaim backup restore ${file} --passphrase-file ${words}`);
    assert.match(backup.stderr, /this file is not a backup of Essaim/);
  });
});
