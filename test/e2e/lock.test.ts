/** Managers that lock themselves: what a locked one answers, its keys, and what goes on meanwhile. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually, execute, type Outcome } from '../support/lab.ts';
import { Swarm } from '../support/swarm.ts';

const LOCKED =
  'Error response from daemon: Swarm is encrypted and needs to be unlocked before it can be used. Please use "docker swarm unlock" to unlock it.';
const KEY = /SWMKEY-1-[A-Za-z0-9+/]{43}/;

describe('a locked manager', { timeout: 180_000 }, () => {
  let swarm: Swarm;
  let key: string;
  before(async () => {
    swarm = await Swarm.on('la', 'lb');
    await swarm.create('--name', 'web', '--replicas', '2', 'whoami');
    await swarm.converge('web', 2);
  });
  after(() => swarm?.[Symbol.asyncDispose]());

  const said = async (...args: string[]) => {
    const { code, stdout, stderr } = await swarm.tryDocker(...args);
    return [code, (stdout + stderr).trim()];
  };
  function unlock(text: string): Promise<Outcome> {
    const env = { ...process.env, DOCKER_HOST: `unix://${swarm.lab.socket('la')}` };
    return execute('sh', ['-c', `echo '${text}' | docker swarm unlock`], env);
  }
  const state = () => swarm.docker('info', '--format', '{{.Swarm.LocalNodeState}}');
  async function kill(): Promise<void> {
    await swarm.lab.ssh('la', 'kill -9 $(cut -d" " -f1 /run/essaim.process | head -1)');
    await swarm.lab.must('start', 'la');
  }
  const files = (pattern: string) =>
    swarm.lab.ssh('la', `grep -rlE -- '${pattern}' ${swarm.lab.home}/machines/la/daemon/swarm || true`);

  test('the key is shown as it is turned on, and the files need it from then on', async () => {
    assert.deepEqual(await said('swarm', 'unlock-key'), [1, 'no unlock key is set']);
    assert.notEqual(await files('PRIVATE KEY'), '');
    const on = await swarm.docker('swarm', 'update', '--autolock=true');
    assert.match(
      on,
      /^Swarm updated\.\nTo unlock a swarm manager after it restarts, run the `docker swarm unlock`/,
    );
    key = KEY.exec(on)![0];
    assert.equal(await swarm.docker('swarm', 'unlock-key', '-q'), key);
    await eventually('its key is encrypted', 5_000, async () => (await files('PRIVATE KEY')) === '');
    assert.equal(await files(key.slice('SWMKEY-1-'.length)), '');
  });

  test('says so to everything but its key, while its containers go on', async () => {
    const containers = await swarm.containers('la', 'web');
    await kill();
    assert.equal(await state(), 'locked');
    for (const command of [
      'node ls',
      'service ls',
      'stack ls',
      'secret ls',
      'swarm ca',
      'swarm update --autolock=false',
    ])
      assert.deepEqual(await said(...command.split(' ')), [1, LOCKED], command);
    assert.deepEqual(await said('swarm', 'unlock-key'), [1, `could not fetch unlock key: ${LOCKED}`]);
    assert.deepEqual(await said('swarm', 'leave'), [
      1,
      'Error response from daemon: Swarm is encrypted and locked. Please unlock it first or use `--force` to ignore this message.',
    ]);
    const info = await swarm.docker('info', '--format', '{{json .Swarm}}');
    const { NodeID, Error: why, ControlAvailable } = JSON.parse(info);
    assert.deepEqual([NodeID, why, ControlAvailable], ['', LOCKED.replace(/^.*?: /, ''), false]);
    assert.deepEqual(await swarm.containers('la', 'web'), containers);
    for (const [wrong, answer] of [
      ['nonsense', 'invalid key string'],
      ['', 'invalid key string'],
      ['SWMKEY-1-nonsense', 'swarm could not be unlocked: invalid key provided'],
      [key.replace(/.{4}$/, 'AAAA'), 'swarm could not be unlocked: invalid key provided'],
    ])
      assert.equal((await unlock(wrong!)).stderr.trim(), `Error response from daemon: ${answer}`, wrong);
    assert.equal(await state(), 'locked');
    assert.deepEqual(await unlock(key), { code: 0, stdout: '', stderr: '' });
    assert.equal((await swarm.nodes()).la, 'Ready');
    assert.deepEqual(await swarm.containers('la', 'web'), containers);
    await swarm.converge('web', 2);
    assert.match((await unlock(key)).stderr, /^Error: swarm is not locked/);
  });

  test('killed at any moment of a change of its key, it is opened by one that was told', async () => {
    const known = [key];
    for (const pause of [0, 20, 60, 150]) {
      const rotated = swarm.tryDocker('swarm', 'unlock-key', '--rotate', '-q');
      await new Promise((resolve) => setTimeout(resolve, pause));
      await kill();
      const [shown] = KEY.exec((await rotated).stdout) ?? [];
      if (shown) known.unshift(shown);
      if ((await state()) === 'locked') {
        const opened = await Promise.all(
          known.map(async (each) => [each, (await unlock(each)).code] as const),
        );
        assert.ok(
          opened.some(([, code]) => code === 0),
          JSON.stringify(opened),
        );
      }
      assert.equal(await state(), 'active');
    }
    key = await swarm.docker('swarm', 'unlock-key', '-q');
  });

  test('turned off, it needs no key at once; one that is locked can be left by force alone', async () => {
    assert.equal(await swarm.docker('swarm', 'update', '--autolock=false'), 'Swarm updated.');
    await kill();
    assert.equal(await state(), 'active');
    assert.deepEqual(await said('swarm', 'unlock-key', '--rotate'), [
      1,
      'cannot rotate because autolock is not turned on',
    ]);
    await swarm.docker('swarm', 'update', '--autolock=true');
    await eventually('its key is encrypted', 5_000, async () => (await files('PRIVATE KEY')) === '');
    await kill();
    assert.equal(await state(), 'locked');
    assert.match((await swarm.tryDocker('swarm', 'init')).stderr, /This node is already part of a swarm/);
    assert.equal(await swarm.docker('swarm', 'leave', '--force'), 'Node left the swarm.');
    assert.deepEqual(await swarm.containers('la', 'web'), []);
    assert.equal(await state(), 'inactive');
    const ip = await swarm.lab.address('la');
    assert.match(await swarm.docker('swarm', 'init', '--autolock', '--advertise-addr', ip), KEY);
    await eventually('its key is encrypted', 5_000, async () => (await files('PRIVATE KEY')) === '');
  });
});
