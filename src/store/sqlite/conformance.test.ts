import { join } from 'node:path';
import { storeConformance } from '../conformance.ts';
import { freshDirectory } from '../testing/sqlite.ts';
import { openSqliteStore } from './store.ts';

storeConformance('SQLite', async () => {
  const path = join(freshDirectory(), 'state.db');
  let store = await openSqliteStore({ path });
  return {
    store,
    async reopen() {
      await store.close();
      store = await openSqliteStore({ path });
      return store;
    },
  };
});
