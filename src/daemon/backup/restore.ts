/** A swarm from its backup, on a host that is in none: the parts of `essaim backup restore`. */
import type { RestoreRequest } from '../../api/contract.ts';
import type { EngineClient } from '../../engine/client.ts';
import { createRequest } from '../../identity/authority.ts';
import { createIdentity } from '../../identity/node-identity.ts';
import { asTransactions, readBackup } from '../../manager/backup/contents.ts';
import { restoredObjects, versionBefore } from '../../manager/backup/restored.ts';
import { externalAuthorities } from '../../manager/ca/external.ts';
import { certify } from '../../manager/ca/issue.ts';
import { newId } from '../../model/id.ts';
import { openSqliteStore } from '../../store/sqlite/store.ts';
import { hostPort, resolveAddresses, resolveDataPathAddress } from '../address/address.ts';
import { placesOf } from '../address/readdress.ts';
import type { FoundingPlace } from '../membership/found.ts';
import type { MembershipRecord } from '../membership/swarm-dir.ts';

/** Writes the backup's state with this host as its only manager. @throws ApiError, with nothing of use at the place */
export async function restoreCluster(
  request: RestoreRequest,
  archive: Buffer,
  place: FoundingPlace & { engine: EngineClient },
): Promise<MembershipRecord> {
  const { clock, interfaces, engine } = place;
  const at = resolveAddresses(request.ListenAddr || '0.0.0.0:2377', request.AdvertiseAddr ?? '', interfaces);
  const dataPathHost = request.DataPathAddr && resolveDataPathAddress(request.DataPathAddr, interfaces);
  const contents = await readBackup(archive, request.Secret ?? '');
  const now = clock.now();
  const managerAddr = hostPort(at.advertiseHost, at.advertisePort);
  // As nodes are named.
  const { Name } = await engine.json<{ Name: string }>('GET', '/info');
  const host = { hostname: Name, addr: at.advertiseHost, managerAddr, now };
  const { objects, node } = restoredObjects(
    contents,
    { ...host, nodesOfTasks: await nodesOfTasks(engine) },
    newId,
  );
  const [cluster] = objects.flatMap((each) => (each.kind === 'cluster' ? [each.object] : []));
  // Where the root's key is not in the backup, the authority that has it knows this host by nothing.
  const external = cluster!.internal.caKey === '' ? externalAuthorities() : undefined;
  const { csr, key } = await createRequest();
  const { certificate, roots } = await certify(cluster!, node, csr, now, external);
  await createIdentity(place.identityFolder, { key, certificate, roots });
  const store = await openSqliteStore({ path: place.database, after: versionBefore(contents, now) });
  try {
    for (const transaction of asTransactions(objects)) await store.commit(transaction);
  } finally {
    await store.close();
  }
  return {
    nodeId: node.ID,
    role: 'manager',
    ...at,
    ...(dataPathHost ? { dataPathHost } : {}),
    ...placesOf(request, interfaces),
    managers: [{ NodeID: node.ID, Addr: managerAddr }],
  };
}

/** The nodes whose tasks' containers this engine has, most of them first. */
async function nodesOfTasks(engine: EngineClient): Promise<string[]> {
  const query = { all: 'true', filters: JSON.stringify({ label: ['com.docker.swarm.task.id'] }) };
  const containers = await engine.json<Array<{ Labels?: Record<string, string> }>>(
    'GET',
    '/containers/json',
    {
      query,
    },
  );
  const counts = Map.groupBy(containers, ({ Labels }) => Labels?.['com.docker.swarm.node.id'] ?? '');
  return [...counts].sort(([, a], [, b]) => b.length - a.length).map(([id]) => id);
}
