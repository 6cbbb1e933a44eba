/** New content for a secret or a config, in place: what was there, what differs, and which tasks restart for it. */
import { Button, Group, Skeleton, Stack, Table, Text, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { ContentRow, ContentVersionsOf } from '../../../../src/ui/protocol.ts';
import { get, post } from '../../api/http.ts';
import { decoded, encoded } from '../../format/base64.ts';
import { curl } from '../../format/command.ts';
import { counted } from '../../format/size.ts';
import { rolloutText } from '../../format/update.ts';
import { Age } from '../../parts/Age.tsx';
import { Ask } from '../../parts/Ask.tsx';
import { Diff } from '../../parts/Diff.tsx';
import { doing } from '../../parts/doing.tsx';
import { Failed } from '../../parts/Failed.tsx';

interface Props {
  kind: 'secret' | 'config';
  row: ContentRow;
  onClose: () => void;
}

export function NewContent({ kind, row: { id, name, version, labels }, onClose }: Props) {
  const { data, error } = useQuery({
    queryKey: ['content-versions', kind, id, version],
    queryFn: () => get<ContentVersionsOf>(`/essaim/${kind}s/${id}/versions`),
    placeholderData: (before) => before,
  });
  const newest = data?.versions[0]?.data;
  const [typed, setTyped] = useState<string>();
  const before = newest === undefined ? '' : decoded(newest);
  // What is in a config is there to be changed; what is in a secret nobody is told.
  useEffect(() => {
    if (newest !== undefined) setTyped((text) => text ?? decoded(newest));
  }, [newest]);
  const text = typed ?? '';
  const change = () =>
    doing(`change ${name}`, async () => {
      const { Version, Spec } = await get<{ Version: { Index: number }; Spec: object }>(`/${kind}s/${id}`);
      const path = `/${kind}s/${id}/update?version=${Version.Index}`;
      await post(path, { ...Spec, Data: encoded(text) });
      return `${name} has new content: the services that use it are updated`;
    });
  return (
    <Ask
      title={`New content of ${name}`}
      action="Change"
      isWide
      command={curl(location.host, 'POST', `/${kind}s/${id}/update?version=${version}`, {
        ...{ Name: name, Labels: labels, Data: 'BASE64' },
      })}
      onClose={onClose}
      onDo={change}
    >
      {error && <Failed title="Its versions cannot be read" message={error.message} />}
      {!data && !error && <Skeleton height={100} aria-label="Its versions are being loaded" />}
      {data && <Rollouts of={data} />}
      <Textarea
        label="Content"
        value={text}
        onChange={(event) => setTyped(event.currentTarget.value)}
        rows={8}
        spellCheck={false}
        data-autofocus
      />
      {kind === 'config' && typed !== undefined && typed !== before && (
        <Diff name="What differs" before={before} after={typed} />
      )}
      {data && data.versions.length > 1 && <Versions of={data} onTake={setTyped} />}
    </Ask>
  );
}

function Rollouts({ of: { rollouts } }: { of: ContentVersionsOf }) {
  if (rollouts.length === 0) return <Text size="sm">No service uses it.</Text>;
  return (
    <Stack gap={2} aria-label="What restarts">
      {rollouts.map((rollout) => (
        <Text key={rollout.id} size="sm">
          {rollout.name}: {rolloutText(rollout)}
        </Text>
      ))}
    </Stack>
  );
}

function Versions({ of: { versions }, onTake }: { of: ContentVersionsOf; onTake: (text: string) => void }) {
  return (
    <Table aria-label="Versions">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Version</Table.Th>
          <Table.Th>Since</Table.Th>
          <Table.Th>Used by</Table.Th>
          <Table.Th>Actions</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {versions.map(({ version, at, services, before, data }) => (
          <Table.Tr key={version}>
            <Table.Td>{version + 1}</Table.Td>
            <Table.Td>
              <Age of={at} ago />
            </Table.Td>
            <Table.Td>
              {services.join(', ')}
              {before.length > 0 && ` (${counted(before.length, 'service')} after a roll-back)`}
            </Table.Td>
            <Table.Td>
              <Group gap="xs">
                {data !== undefined && (
                  <Button size="compact-xs" variant="default" onClick={() => onTake(decoded(data))}>
                    Take it
                  </Button>
                )}
              </Group>
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
