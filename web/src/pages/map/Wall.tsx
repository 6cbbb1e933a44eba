/** The map on a screen that nobody has signed in at: opened by a link, which stands behind the # of the address. */
import { Group, Text, Title } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import { useEffect } from 'react';
import { live, useConnection } from '../../api/live.ts';
import { useNow } from '../../parts/Age.tsx';
import { Columns } from './Columns.tsx';

/** After so long without a connection it is said what may be the reason, ms. */
const PATIENCE = 3_000;

export default function Wall() {
  const { isLive, since } = useConnection();
  const now = useNow();
  useDocumentTitle('Map · Essaim');
  useEffect(() => live.start(['essaim-wall', location.hash.slice(1)]), []);
  return (
    <main style={{ padding: '1rem' }}>
      <Group justify="space-between" mb="sm">
        <Title order={1} size="h3">
          Essaim
        </Title>
        <Text size="sm" role="status">
          {isLive
            ? new Date(now).toLocaleTimeString()
            : now - since > PATIENCE &&
              `No connection since ${new Date(since).toLocaleTimeString()}: the link was withdrawn, or the manager is away`}
        </Text>
      </Group>
      <Columns words="" isWall />
    </main>
  );
}
