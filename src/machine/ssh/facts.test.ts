import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HostFacts, parseFacts, shortcomings } from './facts.ts';

const GOOD = `system=Linux
machine=x86_64
kernel=6.1.0
uid=0
clock=1800000012
distribution=Debian GNU/Linux 12 (bookworm)
libc=glibc
packages=apt-get
init=systemd
missing=dockerd
missing=docker
missing=nft
free=20000
engine_free=20000
memory=2000
serving=no
`;
const carried = { machine: 'x86_64', now: 1_800_000_000_000 };
const said = (text: string, wanted = {}): string[] => shortcomings(parseFacts(text), wanted, carried);

test('a plain server is good enough', () => {
  const facts: HostFacts = parseFacts(GOOD);
  assert.deepEqual(facts.missing, ['dockerd', 'docker', 'nft']);
  assert.equal(facts.engine, undefined);
  assert.deepEqual(said(GOOD), []);
});

test('each thing that is missing is named', () => {
  const cases: [string, RegExp][] = [
    ['system=Darwin\nuid=0', /runs Darwin/],
    [GOOD.replace('uid=0', 'uid=1000'), /not root/],
    [GOOD.replace('packages=apt-get\n', ''), /dockerd, docker, nft is missing, and no package manager/],
    [GOOD.replace('missing=dockerd\n', ''), /has no command "docker"/],
    [GOOD.replace('free=20000', 'free=12'), /12 MB of free space in \/opt/],
    [GOOD.replace('memory=2000', 'memory=200'), /200 MB of memory/],
    [`${GOOD}lacks=VXLAN (module vxlan)\n`, /its kernel has no VXLAN/],
    [`${GOOD}taken=2376 dockerd (process 77)\n`, /port 2376 is taken by dockerd \(process 77\)/],
    [`${GOOD}engine=19.3.1 0 inactive false\n`, /19\.3\.1: Essaim needs 20\.10/],
    [`${GOOD}engine=28.0.1 0 active false\n`, /in a swarm of its own/],
    [`${GOOD}foreign=/lib/systemd/system/essaim.service\n`, /has not installed/],
    [GOOD.replace('machine=x86_64', 'machine=aarch64'), /aarch64 with glibc.*install Node\.js 24/],
    [GOOD.replace('libc=glibc', 'libc=musl'), /with musl/],
    [GOOD.replace('clock=18000', 'clock=17999'), /its clock is 1666 minutes behind the one here/],
    [GOOD.replace('clock=1800000', 'clock=1800002'), /its clock is 34 minutes ahead of the one here/],
  ];
  for (const [text, words] of cases) {
    const lines = said(text);
    assert.equal(lines.length, 1, lines.join('\n'));
    assert.match(lines[0]!, words);
  }
});

test('Essaim itself does not stand in its own way, and another machine with a new Node.js is taken', () => {
  assert.deepEqual(said(`${GOOD.replace('serving=no', 'serving=yes')}taken=2376 node (process 5)\n`), []);
  assert.deepEqual(said(`${GOOD.replace('machine=x86_64', 'machine=aarch64')}node=v24.3.0\n`), []);
});

test('containers that run are not restarted for settings', () => {
  const busy = `${GOOD}engine=20.10.24 3 inactive false\n`;
  assert.deepEqual(said(busy), []);
  assert.deepEqual(said(busy, { labels: ['a=b'] }), []);
  assert.match(said(busy, { options: ['debug=true'] })[0]!, /runs 3 containers/);
  assert.deepEqual(said(busy.replace('false\n', 'true\n'), { options: ['debug=true'] }), []);
});

test('a host that others have made is theirs', () => {
  const theirs = `${GOOD}release=0.1.0\nauthority=-----BEGIN CERTIFICATE-----AB=-----END CERTIFICATE-----\n`;
  const own = '-----BEGIN CERTIFICATE-----\nAB=\n-----END CERTIFICATE-----\n';
  const by = (authority?: string) => shortcomings(parseFacts(theirs), {}, { ...carried, authority });
  assert.deepEqual(by(own), []);
  assert.deepEqual(by(), []);
  for (const other of ['', own.replace('AB', 'BA')]) assert.match(by(other)[0]!, /somebody else has made it/);
});

test('flags of the engine are only taken where there is a way to give them', () => {
  const openrc = GOOD.replace('init=systemd', 'init=openrc');
  assert.deepEqual(said(openrc, { labels: ['a=b'], registryMirrors: ['http://x'] }), []);
  assert.match(said(openrc, { environment: ['A=b'] })[0]!, /need systemd/);
});

test('what is no answer is refused', () => {
  assert.throws(() => parseFacts('This account is currently not available.'), /not the answer/);
});
