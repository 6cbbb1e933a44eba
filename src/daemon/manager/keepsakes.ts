/** What is to outlive its host, kept in the cluster's store for the manager that leads next. */
import type { ManagerFace } from '../../api/contract.ts';
import type { Keepsake, KeepsakeStore } from '../../classic/keepsakes.ts';
import { timestamp } from '../../model/clock.ts';

export function storedKeepsakes({ store, now }: ManagerFace): KeepsakeStore {
  return {
    all: async () => [...store.view.all('keepsake')].map(({ content }) => content as Keepsake),
    async put(keepsake) {
      await store.commit((view) => {
        const { id: ID } = keepsake;
        const before = view.get('keepsake', ID);
        const UpdatedAt = timestamp(now());
        const times = { CreatedAt: before?.CreatedAt ?? UpdatedAt, UpdatedAt };
        const object = {
          ID,
          Version: before?.Version ?? { Index: 0 },
          ...times,
          content: keepsake,
          internal: {},
        };
        return { changes: [{ op: 'put', kind: 'keepsake', object }] };
      });
    },
    async remove(id) {
      await store.commit((view) => {
        const before = view.get('keepsake', id);
        if (!before) return { changes: [] };
        return { changes: [{ op: 'delete', kind: 'keepsake', id, revision: before.Version.Index }] };
      });
    },
  };
}
