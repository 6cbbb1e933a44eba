import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import packet, { type RecordType } from 'dns-packet';
import fc from 'fast-check';
import { type Query, readQuery, UNLIMITED } from './message.ts';
import { type Place, type Registered, registeredAnswer } from './registered.ts';

const place = (address: string, port: number, ...tags: string[]): Place => ({
  ...{ addresses: [address], port, protocol: tags.includes('udp') ? 'udp' : 'tcp', tags },
});
const SERVICES: Record<string, Place[]> = {
  web: [place('10.0.0.1', 8080, 'v1', 'Blue'), place('10.0.0.2', 8080, 'v2'), place('fd00::2', 8081, 'v2')],
  dns: [place('10.0.0.1', 53, 'udp'), place('10.0.0.3', 53)],
  lb_web: [place('10.0.0.4', 0)],
  away: [],
};
const registered: Registered = {
  service: (name) => (Object.hasOwn(SERVICES, name) ? SERVICES[name] : undefined),
  node: (name) => (name === 'alpha' ? ['10.0.0.1'] : undefined),
};

function ask(name: string, type: RecordType, limit = UNLIMITED): packet.DecodedPacket | undefined {
  const bytes = packet.encode({ type: 'query', id: 7, questions: [{ name, type }] });
  const answer = registeredAnswer(readQuery(bytes) as Query, registered, limit);
  return answer && packet.decode(answer);
}
const said = (name: string, type: RecordType): string[] | undefined => {
  const answer = ask(name, type);
  if (!answer) return undefined;
  if ((answer as unknown as { rcode: string }).rcode !== 'NOERROR') return ['NXDOMAIN'];
  return (answer.answers ?? [])
    .map((each) => {
      assert.equal('ttl' in each && each.ttl, 0);
      if (each.type === 'SRV') return `${each.data.target}:${each.data.port}`;
      return 'data' in each ? String(each.data) : '';
    })
    .sort();
};

describe('names of the registry', () => {
  test('addresses, by either domain, with a tag, with the datacenter, without regard to case', () => {
    assert.deepEqual(said('web.service.essaim', 'A'), ['10.0.0.1', '10.0.0.2']);
    assert.deepEqual(said('Web.Service.Consul', 'A'), ['10.0.0.1', '10.0.0.2']);
    assert.deepEqual(said('web.service.consul', 'AAAA'), ['fd00::2']);
    assert.deepEqual(said('blue.web.service.consul', 'A'), ['10.0.0.1']);
    assert.deepEqual(said('web.service.dc1.consul', 'A'), ['10.0.0.1', '10.0.0.2']);
    assert.deepEqual(said('lb_web.service.essaim', 'A'), ['10.0.0.4']);
  });

  test('by RFC 2782, and where they point to', () => {
    const all = ['0a000001.addr.dc1.consul:8080', '0a000002.addr.dc1.consul:8080'];
    const six = 'fd000000000000000000000000000002.addr.dc1.consul:8081';
    assert.deepEqual(said('_web._tcp.service.consul', 'SRV'), [...all, six]);
    assert.deepEqual(said('_web._v1.service.consul', 'SRV'), [all[0]]);
    assert.deepEqual(said('web.service.consul', 'SRV'), [...all, six]);
    assert.deepEqual(said('_dns._udp.service.consul', 'SRV'), ['0a000001.addr.dc1.consul:53']);
    assert.deepEqual(said('_lb_web._tcp.service.essaim', 'SRV'), []);
    assert.deepEqual(said('0a000001.addr.dc1.consul', 'A'), ['10.0.0.1']);
    assert.deepEqual(
      said(six.split(':')[0]!, 'AAAA'),
      ['fd00:0000:0000:0000:0000:0000:0000:0002'].map(short),
    );
    const { additionals = [] } = ask('_web._v1.service.consul', 'SRV')!;
    assert.deepEqual(
      additionals.map((each) => [each.name, 'data' in each && each.data]),
      [['0a000001.addr.dc1.consul', '10.0.0.1']],
    );
  });

  test('hosts; what there is none of, and what is nobody’s', () => {
    assert.deepEqual(said('alpha.node.consul', 'A'), ['10.0.0.1']);
    assert.deepEqual(said('alpha.node.consul', 'AAAA'), []);
    assert.deepEqual(said('web.service.essaim', 'TXT'), []);
    assert.deepEqual(said('essaim', 'SOA'), []);
    assert.deepEqual(said('away.service.essaim', 'A'), ['NXDOMAIN']);
    assert.deepEqual(said('v9.web.service.essaim', 'A'), ['NXDOMAIN']);
    for (const name of ['none.service.essaim', 'beta.node.consul', 'x.y.z.service.consul', 'x.query.consul'])
      assert.equal(said(name, 'A'), undefined);
    assert.equal(said('xyz.addr.consul', 'A'), undefined);
    assert.equal(said('example.com', 'A'), undefined);
  });

  test('too much for one datagram is cut off, and it is said so', () => {
    SERVICES.many = Array.from({ length: 100 }, (_, i) => place(`10.1.0.${i}`, 8000 + i));
    for (const type of ['A', 'SRV'] as const) {
      const cut = ask('many.service.essaim', type, 512)!;
      assert.ok(cut.flag_tc);
      assert.ok(cut.answers!.length > 5 && cut.answers!.length < 40);
      const whole = ask('many.service.essaim', type)!;
      assert.ok(!whole.flag_tc);
      assert.equal(whole.answers!.length, 100);
    }
  });

  test('whatever is asked has an answer that can be read, or none', () => {
    const label = fc.constantFrom(
      'web',
      '_web',
      '_tcp',
      'v1',
      'service',
      'node',
      'addr',
      'dc1',
      'alpha',
      'x',
    );
    const name = fc.tuple(fc.array(label, { maxLength: 5 }), fc.constantFrom('essaim', 'consul'));
    fc.assert(
      fc.property(name, fc.constantFrom<RecordType>('A', 'AAAA', 'SRV', 'TXT'), ([labels, domain], type) => {
        ask([...labels, domain].join('.'), type);
      }),
    );
  });
});

const short = (address: string): string => new URL(`http://[${address}]/`).hostname.slice(1, -1);
