import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode, type Packet, RECURSION_DESIRED } from 'dns-packet';
import fc from 'fast-check';
import { overlay, stateOf } from '../testing/dns.ts';
import { ownAnswer } from './answer.ts';
import { frame, frames } from './frames.ts';
import { answers, CODE, codeReply, fitting, type Query, readQuery, UNLIMITED } from './message.ts';
import { Names } from './names.ts';

const many = Array.from({ length: 200 }, (_, index) => `t${index}`);
const names = new Names();
names.update(
  stateOf(
    overlay({
      id: 'n',
      name: 'net',
      endpoints: many.map((id, index) => ({
        id,
        addresses: [`10.0.1.${index + 1}`, `fd01::${index + 1}`],
        names: [`web.${index + 1}.${id}`],
      })),
      services: [
        { id: 'web', name: 'web', aliases: [], vips: ['10.0.1.250'], ready: many },
        { id: 'few', name: 'few', aliases: [], vips: [], ready: ['t0', 't1', 't2'] },
      ],
    }),
  ),
);
const view = names.viewOf('n', '10.0.1.1')!;

function question(name: string, type: string, more: Partial<Packet> = {}): Buffer {
  const questions = [{ name, type: type as 'A' }];
  return encode({ type: 'query', id: 7, flags: RECURSION_DESIRED, questions, ...more });
}
const opt = (udpPayloadSize: number): Partial<Packet> => ({
  additionals: [
    {
      type: 'OPT',
      name: '.',
      udpPayloadSize,
      flags: 0,
      options: [],
      extendedRcode: 0,
      ednsVersion: 0,
      flag_do: false,
    },
  ],
});
const read = (packet: Buffer): Query => {
  const query = readQuery(packet);
  assert.ok(query && 'name' in query);
  return query;
};
const answer = (packet: Buffer, limit?: number) => {
  const query = read(packet);
  const bytes = ownAnswer(query, view, limit ?? query.datagram)!;
  return { bytes, ...decode(bytes) };
};

test('a question as it is asked, case and all, comes back with its answer', () => {
  const {
    id,
    type,
    rcode,
    flag_aa,
    flag_ra,
    flag_rd,
    flag_tc,
    questions,
    answers: found,
  } = answer(question('WEB.net', 'A')) as ReturnType<typeof answer> & { rcode: string };
  assert.deepEqual(
    { id, type, rcode, flag_aa, flag_ra, flag_rd, flag_tc, questions },
    {
      id: 7,
      type: 'response',
      rcode: 'NOERROR',
      flag_aa: true,
      flag_ra: true,
      flag_rd: true,
      flag_tc: false,
      questions: [{ name: 'WEB.net', type: 'A', class: 'IN' }],
    },
  );
  assert.deepEqual(found, [
    { name: 'WEB.net', type: 'A', ttl: 2, class: 'IN', flush: false, data: '10.0.1.250' },
  ]);
});

test('every kind of answer', () => {
  const data = (name: string, type: string) =>
    answer(question(name, type))
      .answers!.map((record) => ('data' in record ? String(record.data) : ''))
      .sort();
  assert.deepEqual(data('few', 'A'), ['10.0.1.1', '10.0.1.2', '10.0.1.3']);
  assert.deepEqual(data('few', 'AAAA'), ['fd01::1', 'fd01::2', 'fd01::3']);
  assert.deepEqual(data('web', 'AAAA'), []);
  assert.deepEqual(data('web', 'MX'), []);
  assert.equal(data('few', 'ANY').length, 6);
  assert.deepEqual(data('1.1.0.10.in-addr.arpa', 'PTR'), ['web.1.t0.net']);
  assert.deepEqual(data('1.1.0.10.in-addr.arpa', 'A'), []);
  assert.equal((answer(question('251.1.0.10.in-addr.arpa', 'PTR')) as { rcode?: string }).rcode, 'NXDOMAIN');
  assert.equal(ownAnswer(read(question('example.com', 'A')), view, 512), undefined);
});

test('whatever addresses a name has, and whatever is asked of it, it exists: those of the type are told, or none', () => {
  const address = fc.tuple(fc.constantFrom('10.0.1.', 'fd01::'), fc.integer({ min: 1, max: 99 }));
  const anyName = fc.constantFrom('a', 'a.net', 'tasks.a', 'other', 'a.1', 'a.1.t', 'T', 'shared');
  const property = fc.property(
    fc.uniqueArray(
      address.map(([net, host]) => `${net}${host}`),
      { maxLength: 4 },
    ),
    fc.uniqueArray(fc.constantFrom('10.0.1.200', 'fd01::200')),
    anyName,
    fc.constantFrom('A', 'AAAA', 'MX', 'TXT', 'SRV', 'HTTPS'),
    (addresses, vips, name, type) => {
      const one = new Names();
      one.update(
        stateOf(
          overlay({
            id: 'n',
            name: 'net',
            endpoints: [{ id: 't', addresses, names: ['a.1.t', 't', 'shared'] }],
            services: [{ id: 'a', name: 'a', aliases: ['other'], vips, ready: ['t'] }],
          }),
        ),
      );
      const query = read(question(name, type));
      const bytes = ownAnswer(query, one.viewOf('n', addresses[0] ?? '10.0.1.150')!, query.datagram)!;
      const { rcode, answers: found } = decode(bytes) as ReturnType<typeof decode> & { rcode: string };
      const own = ['a', 'a.net', 'other'].includes(name) && vips.length > 0 ? vips : addresses;
      const wanted = own.filter((each) => type === (each.includes(':') ? 'AAAA' : 'A'));
      assert.deepEqual([rcode, found!.length], ['NOERROR', wanted.length]);
    },
  );
  fc.assert(property);
});

test('answers fit into what the asker takes, and say so when something was left out', () => {
  for (const [more, largest] of [
    [{}, 512],
    [opt(100), 512],
    [opt(900), 900],
    [opt(65_535), 1232],
  ] as const) {
    const { bytes, flag_tc, answers: found, additionals } = answer(question('tasks.web', 'A', more));
    assert.ok(bytes.length <= largest && bytes.length > largest - 16, `${bytes.length} of ${largest}`);
    assert.equal(flag_tc, true);
    assert.ok(found!.length > 20);
    assert.equal(additionals!.length, more === opt || Object.keys(more).length > 0 ? 1 : 0);
  }
  const whole = answer(question('tasks.web', 'AAAA'), UNLIMITED);
  assert.equal(whole.flag_tc, false);
  assert.equal(new Set(whole.answers!.map((record) => 'data' in record && record.data)).size, 200);
});

test('each address comes first about as often as the others', () => {
  const first = new Map<unknown, number>();
  for (let i = 0; i < 3000; i++) {
    const [record] = answer(question('few', 'A')).answers!;
    const data = 'data' in record! ? record.data : '';
    first.set(data, (first.get(data) ?? 0) + 1);
  }
  assert.equal(first.size, 3);
  for (const count of first.values()) assert.ok(count > 850 && count < 1150, String(count));
});

test('what is no question', () => {
  assert.equal(readQuery(Buffer.alloc(11)), undefined);
  assert.equal(
    readQuery(encode({ type: 'response', id: 1, questions: [{ name: 'web', type: 'A' }] })),
    undefined,
  );
  const codeFor = (packet: Buffer): number => (readQuery(packet) as { code: number }).code;
  assert.equal(codeFor(Buffer.alloc(12)), CODE.formatError);
  assert.equal(codeFor(question('web', 'A').subarray(0, -1)), CODE.formatError);
  const twice = { name: 'web', type: 'A' } as const;
  assert.equal(codeFor(encode({ type: 'query', id: 1, questions: [twice, twice] })), CODE.formatError);
  assert.equal(
    codeFor(encode({ type: 'query', id: 1, questions: [{ name: 'web', type: 'A', class: 'CH' }] })),
    CODE.refused,
  );
  const update = question('web', 'A');
  update[2]! |= 5 << 3;
  assert.equal(codeFor(update), CODE.notDone);
  const pointing = question('web', 'A');
  pointing[12] = 0xc0;
  assert.equal(codeFor(pointing), CODE.formatError);
  const reply = decode(codeReply(readQuery(pointing)!, CODE.formatError)) as unknown as {
    id: number;
    rcode: string;
    type: string;
  };
  assert.deepEqual([reply.id, reply.rcode, reply.type], [7, 'FORMERR', 'response']);
});

test('whatever comes, the answer is a message that others can read', () => {
  const anything = fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes));
  const broken = fc
    .tuple(
      fc.constantFrom('web', 'tasks.web', 'few.net', '1.1.0.10.in-addr.arpa', 'x'.repeat(63), 'example.com'),
      fc.constantFrom('A', 'AAAA', 'PTR', 'TXT', 'ANY'),
      fc.boolean(),
      fc.array(fc.tuple(fc.nat(100), fc.nat(255)), { maxLength: 4 }),
      fc.nat(60),
    )
    .map(([name, type, extended, changes, cut]) => {
      const packet = question(name, type, extended ? opt(4096) : {});
      for (const [at, value] of changes) packet[at % packet.length] = value;
      return packet.subarray(0, packet.length - (cut > 40 ? cut - 40 : 0));
    });
  fc.assert(
    fc.property(fc.oneof(anything, broken), (packet) => {
      const query = readQuery(packet);
      if (query === undefined) return;
      if ('code' in query) {
        decode(codeReply(query, query.code));
        return;
      }
      for (const limit of [query.datagram, UNLIMITED]) {
        const bytes: Buffer = ownAnswer(query, view, limit) ?? codeReply(query, CODE.serverFailure);
        assert.ok(bytes.length <= limit);
        assert.equal(decode(bytes).id, packet.readUInt16BE(0));
        assert.ok(answers(bytes, query, packet.readUInt16BE(0)));
        assert.equal(readQuery(bytes), undefined, 'nobody answers an answer');
      }
    }),
    { numRuns: 3000 },
  );
});

test('an answer belongs to the question, the id and the asker', () => {
  const query = read(question('example.com', 'A'));
  const reply = (name: string, type: 'A' | 'AAAA', id = 7): Buffer =>
    encode({ type: 'response', id, questions: [{ name, type }] });
  assert.ok(answers(reply('example.com', 'A'), query, 7));
  assert.ok(answers(reply('EXAMPLE.com', 'A'), query, 7));
  assert.ok(!answers(reply('example.com', 'A', 8), query, 7));
  assert.ok(!answers(reply('example.com', 'AAAA'), query, 7));
  assert.ok(!answers(reply('example.org', 'A'), query, 7));
  assert.ok(!answers(query.packet, query, 7));
  assert.ok(!answers(Buffer.alloc(3), query, 7));
});

test('what another server says is cut off where the asker does not take so much', () => {
  const long = encode({
    type: 'response',
    id: 7,
    questions: [{ name: 'example.com', type: 'TXT' }],
    answers: Array.from({ length: 4 }, () => ({ name: 'example.com', type: 'TXT', data: 'x'.repeat(200) })),
  });
  const cut = decode(fitting(long, read(question('example.com', 'TXT'))));
  assert.deepEqual([cut.flag_tc, cut.answers!.length, cut.questions![0]!.name], [true, 0, 'example.com']);
  assert.equal(fitting(long, read(question('example.com', 'TXT', opt(1232)))), long);
});

test('messages on a stream come out whole, however they were cut', async () => {
  const messages = [Buffer.from('one'), Buffer.alloc(0), Buffer.alloc(65_535, 7), Buffer.from('last')];
  const bytes = Buffer.concat(messages.map(frame));
  for (const size of [1, 3, 1000, bytes.length]) {
    async function* pieces() {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    }
    const found: Buffer[] = [];
    for await (const message of frames(pieces())) found.push(Buffer.from(message));
    assert.deepEqual(found, messages);
  }
});
