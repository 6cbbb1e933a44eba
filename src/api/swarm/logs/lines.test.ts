import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { collect } from '../testing/cluster.ts';
import { engineLines, type LogLine, type Output, renderLine, STDERR, STDOUT } from './lines.ts';

const PLAIN = { timestamps: false, details: false, tty: false };
const ORIGIN = { nodeId: 'n', serviceId: 's', taskId: 't' };

function frame(output: number, text: string): Buffer {
  const data = Buffer.from(text);
  const head = Buffer.from([output, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(data.length, 4);
  return Buffer.concat([head, data]);
}

async function* chunks(...parts: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

const read = async (format: typeof PLAIN, ...parts: Uint8Array[]): Promise<string[]> => {
  const lines: LogLine[][] = await collect(engineLines(chunks(...parts), format));
  return lines
    .flat()
    .map(({ output, timestamp, attributes, text }) =>
      [output, timestamp, attributes, text.toString()].join('|'),
    );
};

test('frames are read however they are cut', async () => {
  const entry = fc.tuple(fc.constantFrom(STDOUT, STDERR), fc.string({ maxLength: 9 }));
  await fc.assert(
    fc.asyncProperty(fc.array(entry), fc.array(fc.nat(40)), async (entries, cuts) => {
      const texts = entries.map(([output, text]) => [output, `${text.replaceAll('\n', '')}\n`] as const);
      let bytes = Buffer.concat(texts.map(([output, text]) => frame(output, text)));
      const parts: Buffer[] = [];
      for (const cut of cuts) {
        parts.push(bytes.subarray(0, cut));
        bytes = bytes.subarray(cut);
      }
      assert.deepEqual(
        await read(PLAIN, ...parts, bytes),
        texts.map(([output, text]) => `${output}|||${text}`),
      );
    }),
  );
});

test('a line that comes in several entries is one', async () => {
  const format = { ...PLAIN, timestamps: true };
  const parts = [
    frame(1, 'T1 be'),
    frame(2, 'T2 err\n'),
    frame(1, 'T3 gin'),
    frame(1, 'T4 ning\n'),
    frame(1, 'T5 end'),
  ];
  assert.deepEqual(await read(format, ...parts), ['2|T2||err\n', '1|T1||beginning\n', '1|T5||end']);
});

test('timestamps and details are told from the text', async () => {
  const format = { timestamps: true, details: true, tty: false };
  const parts = [frame(1, 'T1 a=b,c=d one two\n'), frame(1, 'T2  three\n')];
  assert.deepEqual(await read(format, ...parts), ['1|T1|a=b,c=d|one two\n', '1|T2||three\n']);
});

test('the lines of a terminal', async () => {
  const format = { timestamps: true, details: false, tty: true };
  const parts = ['T1 on', 'e\r\nT2 two\r\nT3 th', 'ree'].map((text) => Buffer.from(text));
  assert.deepEqual(await read(format, ...parts), ['1|T1||one\r\n', '1|T2||two\r\n', '1|T3||three']);
});

const line = (text: string, attributes = '', output: Output = STDOUT): LogLine => ({
  output,
  timestamp: 'T',
  attributes,
  text: Buffer.from(text),
});
const IDS = 'com.docker.swarm.node.id=n,com.docker.swarm.service.id=s,com.docker.swarm.task.id=t';

test('each line is a frame with what was asked for', () => {
  const format = { timestamps: true, details: true, multiplexed: true };
  const bytes = renderLine(line('hello\n', 'z=1,a=%2C', STDERR), ORIGIN, format);
  assert.deepEqual(bytes, frame(2, `T a=%2C,${IDS},z=1 hello\n`));
  assert.deepEqual(
    renderLine(line('hello\n'), ORIGIN, { timestamps: false, details: false, multiplexed: false }),
    Buffer.from('hello\n'),
  );
});

test('a container cannot pass its lines off as another task’s', () => {
  const format = { timestamps: false, details: true, multiplexed: false };
  const forged = line('x\n', 'com.docker.swarm.task.id=other');
  assert.equal(renderLine(forged, ORIGIN, format).toString(), `${IDS} x\n`);
});
