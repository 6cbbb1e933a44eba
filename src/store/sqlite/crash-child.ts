/**
 * Commits without end and prints each revision once it is acknowledged, for crash.test.ts to kill.
 * Each commit n moves a counter service to n, makes task n and secret n, and deletes task n - 20.
 */
import { writeSync } from 'node:fs';
import type { Change } from '../contract.ts';
import { sampleSecret, sampleService, sampleTask } from '../samples.ts';
import { openSqliteStore } from './store.ts';

const store = await openSqliteStore({ path: process.argv[2]! });
const counter = sampleService('counter');
for (;;) {
  const present = store.view.get('service', 'counter');
  const n = Number(present?.Spec.Labels?.n ?? 0) + 1;
  const next = { ...(present ?? counter), Spec: { ...counter.Spec, Labels: { n: String(n) } } };
  const changes: Change[] = [
    { op: 'put', kind: 'service', object: next },
    { op: 'put', kind: 'task', object: sampleTask(`task${n}`, counter) },
    { op: 'put', kind: 'secret', object: sampleSecret(`secret${n}`, `data ${n}`) },
  ];
  const old = store.view.get('task', `task${n - 20}`);
  if (old) changes.push({ op: 'delete', kind: 'task', id: old.ID, revision: old.Version.Index });
  const { revision } = await store.commit({ changes });
  writeSync(1, `${revision} ${n}\n`);
}
