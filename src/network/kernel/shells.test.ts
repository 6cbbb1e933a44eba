import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { CommandError, feed, runScript } from './shell.ts';
import { leaveNamespace, runInShell } from './shells.ts';

const run = (script: string, patience = 10_000) => runInShell(script, patience);

test('what a script prints and how it ends is told; the same shell runs the next one', async () => {
  const first = await run('echo out; echo err >&2; exit 3');
  assert.deepEqual(first, { output: 'out\n', errors: 'err\n', code: 3 });
  const shells = [await run('echo $$'), await run('echo $$')].map(({ output }) => output);
  assert.equal(shells[0], shells[1]);
  assert.equal((await run('')).output, '');
  assert.equal((await run('printf nothing')).output, 'nothing');
});

test('scripts at the same time do not mix; here-documents, quotes and much output come through', async () => {
  const text = `it's "quoted" $HOME \\n\n`;
  const scripts = Array.from(
    { length: 6 },
    (_, i) => `${feed('cat', text)}echo ${i}\nsleep 0.0${i}\necho ${i}\n`,
  );
  const ran = await Promise.all(scripts.map((script) => run(script)));
  for (const [i, { output }] of ran.entries()) assert.equal(output, `${text}${i}\n${i}\n`);
  const long = await run(
    'i=0; while [ $i -lt 3000 ]; do echo "line $i of many"; echo "error $i" >&2; i=$((i + 1)); done',
  );
  assert.equal(long.output.split('\n').length, 3001);
  assert.ok(long.output.endsWith('line 2999 of many\n'));
  assert.ok(long.errors.startsWith('error 0\n') && long.errors.length <= 4_000);
  const large = await run(feed('wc -c', `${'x'.repeat(500_000)}\n`));
  assert.equal(large.output.trim(), '500001');
});

test('a script that does not end is killed with what it has started, and the next one has another shell', async () => {
  await assert.rejects(run('sleep 61.25 & sleep 61.25', 200), /SIGKILL/);
  const left = await run('pgrep -f "sleep 61.2[5]" || true');
  assert.equal(left.output, '');
});

test('a script that fails says what its command said', async () => {
  const isIt = (error: unknown) =>
    error instanceof CommandError && /the host: ls: .*no-such-folder/s.test(error.message);
  await assert.rejects(runScript('ls /no-such-folder\necho not reached\n'), isIt);
  await assert.rejects(runScript('exit 4\n'), /the host: exit code 4/);
  await assert.rejects(runScript('true\n', 'no-such-namespace'), /no-such-namespace/);
});

test('shells that wait do not keep a process alive', async () => {
  const program = `import { runInShell } from '${new URL('shells.ts', import.meta.url)}';
    console.log((await runInShell('echo done', 5000)).output)`;
  const args = ['--input-type=module', '-e', program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 8_000 });
  assert.equal(stdout.trim(), 'done');
});

test('a script runs in the namespace that has the name then, in a shell that is there or in a new one', async () => {
  const name = `shells-${process.pid}`;
  const here = async (): Promise<string> =>
    (await runInShell('echo "$$ $(stat -Lc %i /proc/self/ns/net)"', 10_000, name)).output;
  const inode = async (): Promise<string> => (await run(`stat -Lc %i /run/netns/${name}`)).output;
  await run(`ip netns add ${name}`);
  try {
    const first = await here();
    assert.equal(first.split(' ')[1], await inode());
    assert.equal(await here(), first);
    // By somebody else.
    await run(`ip netns delete ${name}; ip netns add ${name}`);
    const second = await here();
    assert.notEqual(second, first);
    assert.equal(second.split(' ')[1], await inode());
    const [shell] = second.split(' ');
    await leaveNamespace(name);
    assert.equal((await run(`kill -0 ${shell} 2>/dev/null || echo ended`)).output, 'ended\n');
  } finally {
    await run(`ip netns delete ${name}`);
  }
  await assert.rejects(here(), /No such file/);
});
