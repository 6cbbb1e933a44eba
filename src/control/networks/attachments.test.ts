import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Attachment, Network } from '../../model/objects.ts';
import type { AttachedContainer } from '../../model/protocol.ts';
import type { Change, Put, Store } from '../../store/contract.ts';
import { openMemoryStore } from '../../store/memory.ts';
import { meta, sampleNetwork } from '../../store/samples.ts';
import { askedAttachment, reportedAttachments } from './attachments.ts';

const NETWORK = 'abcdefghijklmnopqrstuvwxy';
const RPC = 'Could not attach to network app: rpc error: code =';

async function world(...objects: Change[]): Promise<Store> {
  const store = openMemoryStore();
  const network: Network = { ...sampleNetwork(NETWORK, 'app'), Spec: { Name: 'app', Attachable: true } };
  await store.commit({ changes: [{ op: 'put', kind: 'network', object: network }, ...objects] });
  return store;
}

function attachment(
  id: string,
  address: string,
  internal: Attachment['internal'] = {},
  NodeID = 'n1',
): Put<'attachment'> {
  const Addresses = address ? [`${address}/24`] : [];
  return {
    op: 'put',
    kind: 'attachment',
    object: { ...meta(id), NetworkID: NETWORK, NodeID, Addresses, internal },
  };
}

function box(address: string, more: Partial<AttachedContainer> = {}): AttachedContainer {
  return { id: 'c1', name: 'box', running: true, networks: [{ id: NETWORK, addresses: [address] }], ...more };
}

describe('what is asked for', () => {
  const request = { id: 'x1', addresses: [], aliases: ['al'], ownNameServers: false };

  test('a network by its id, its name or the beginning of its id', async () => {
    const { view } = await world();
    for (const network of [NETWORK, 'app', NETWORK.slice(0, 5)]) {
      const { changes } = askedAttachment(view, 'n1', { ...request, network }, 0);
      const { object } = changes[0] as Put<'attachment'>;
      assert.deepEqual(
        [object.NetworkID, object.NodeID, object.internal],
        [NETWORK, 'n1', { aliases: ['al'] }],
      );
    }
  });

  test('one that is not there, or not for containers', async () => {
    const { view } = await world({
      ...{ op: 'put', kind: 'network' },
      object: { ...sampleNetwork('net2', 'closed'), Spec: { Name: 'closed' } },
    });
    assert.throws(() => askedAttachment(view, 'n1', { ...request, network: 'nowhere' }, 0), {
      status: 404,
      message: 'network nowhere not found',
    });
    assert.throws(() => askedAttachment(view, 'n1', { ...request, network: 'closed' }, 0), {
      status: 403,
      message: `${RPC.replace('app', 'closed')} PermissionDenied desc = network closed not manually attachable`,
    });
  });
});

describe('what is reported', () => {
  const more = { now: 0, newId: () => 'new1' };
  const outcome = async (store: Store, containers: AttachedContainer[], pending: string[] = []) => {
    const { changes, refused } = reportedAttachments(store.view, 'n1', { containers, pending }, more);
    await store.commit({ changes });
    const kinds = changes.map(
      (change) => `${change.op} ${change.op === 'put' ? change.object.ID : change.id}`,
    );
    return { kinds, refused };
  };

  test('containers are found by their addresses, and their names and states followed', async () => {
    const store = await world(attachment('x1', '10.0.1.5'));
    assert.deepEqual((await outcome(store, [box('10.0.1.5')], ['x1'])).kinds, ['put x1']);
    assert.deepEqual((await outcome(store, [box('10.0.1.5')])).kinds, []);
    const changed = box('10.0.1.5', { name: 'renamed', running: false });
    assert.deepEqual((await outcome(store, [changed])).kinds, ['put x1']);
    const { container } = store.view.get('attachment', 'x1')!.internal;
    assert.deepEqual(container, { id: 'c1', name: 'renamed', running: false });
  });

  test('what has no container ends, unless one is being made; other nodes are not spoken of', async () => {
    const store = await world(
      attachment('x1', '10.0.1.5'),
      attachment('x2', '10.0.1.6', { container: { id: 'c2', name: 'b', running: true } }),
      attachment('x3', '10.0.1.7', {}, 'n2'),
    );
    assert.deepEqual((await outcome(store, [], ['x1'])).kinds, ['delete x2']);
    assert.deepEqual((await outcome(store, [])).kinds, ['delete x1']);
    assert.ok(store.view.get('attachment', 'x3'));
  });

  test('a container without an attachment asks for one with its address, again with each report', async () => {
    const store = await world();
    assert.deepEqual((await outcome(store, [box('10.0.1.9')])).kinds, ['put new1']);
    const asked = store.view.get('attachment', 'new1')!;
    assert.deepEqual(asked.internal, {
      wanted: ['10.0.1.9'],
      container: { id: 'c1', name: 'box', running: true },
    });
    assert.deepEqual((await outcome(store, [box('10.0.1.9')])).kinds, []);
    const lacking = { ...asked, internal: { ...asked.internal, lack: 'Address already in use' } };
    await store.commit({ changes: [{ op: 'put', kind: 'attachment', object: lacking }] });
    assert.deepEqual(await outcome(store, [box('10.0.1.9')]), {
      kinds: ['put new1'],
      refused: ['container box has an address that is not its own: Address already in use'],
    });
    assert.deepEqual((await outcome(store, [])).kinds, ['delete new1']);
  });

  test('nothing for a network that is no more', async () => {
    const store = await world();
    const elsewhere = box('10.0.1.9', { networks: [{ id: 'gone', addresses: ['10.0.1.9'] }] });
    assert.deepEqual((await outcome(store, [elsewhere])).kinds, []);
  });
});
