import assert from 'node:assert/strict';
import type { ClientHttp2Session } from 'node:http2';
import { after, before, describe, test } from 'node:test';
import { type ClusterPort, startClusterPort } from '../../test/support/cluster-port.ts';
import { connectAs, connectManager, refusal, responseTo, textOf } from '../agent/wire.ts';
import { OTHER_VERSION, PROTOCOL_HEADER, parseSpoken, SPOKEN } from '../model/protocol-version.ts';

describe('other versions at the cluster port', () => {
  let port: ClusterPort;
  before(async () => {
    port = await startClusterPort();
  });
  after(() => port.close());

  async function ask(session: ClientHttp2Session, path: string, spoken: string | undefined) {
    const said = spoken === undefined ? {} : { [PROTOCOL_HEADER]: spoken };
    const stream = session.request({ ':method': 'GET', ':path': path, ...said });
    const headers = await responseTo(stream);
    return { status: headers[':status'], headers, text: await textOf(stream) };
  }

  test('the next version is served, and hears what is spoken here', async () => {
    const session = await connectManager({ address: port.address, expect: { kind: 'anybody' } });
    const next = `${SPOKEN.version + 1} ${SPOKEN.version}`;
    const { status, headers } = await ask(session, '/ca', next);
    assert.equal(status, 200);
    assert.deepEqual(parseSpoken(headers[PROTOCOL_HEADER]), SPOKEN);
    session.destroy();
  });

  test('one that is too old or too new, or does not say, is told so before anything else', async () => {
    const session = await connectManager({ address: port.address, expect: { kind: 'anybody' } });
    for (const [spoken, text] of [
      ['0 0', /too old for the manager .*: update Essaim on the host/],
      [
        `${SPOKEN.version + 2} ${SPOKEN.version + 1}`,
        /too new for the manager .*: update Essaim on the managers/,
      ],
      [undefined, /does not say which version/],
    ] as const) {
      const { status, text: said } = await ask(session, '/ca', spoken);
      assert.equal(status, OTHER_VERSION);
      assert.match(refusal(OTHER_VERSION, said).message, text);
    }
    session.destroy();
  });

  test('of a node that is refused the manager tells once', async () => {
    const identity = await port.join();
    const session = await connectAs(identity, port.address);
    for (let i = 0; i < 3; i++) assert.equal((await ask(session, '/leader', '0 0')).status, OTHER_VERSION);
    session.destroy();
    const told = port.errors.splice(0).map(String);
    assert.equal(told.length, 1);
    assert.match(told[0]!, new RegExp(`node ${identity.certificate.nodeId} is refused: .*too old`));
  });
});
