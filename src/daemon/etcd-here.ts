import { findEtcd, versionText } from '../manager/members/program.ts';

let known: string | undefined;

/** The version of the etcd on this host; undefined: it has none that could be used. */
export async function etcdHere(): Promise<string | undefined> {
  known ??= await findEtcd().then(
    ({ version }) => versionText(version),
    () => undefined,
  );
  return known;
}
