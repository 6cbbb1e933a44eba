/** Which tasks are on which hosts, as they move; and links that show the same on a screen. */
import { Button, Code, Group, Modal, Stack, Table, Text, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useSearchParams } from 'wouter';
import { get, post } from '../../api/http.ts';
import { Answered } from '../../parts/Answered.tsx';
import { doing } from '../../parts/doing.tsx';
import { Page } from '../../parts/Page.tsx';
import { Withdraw } from '../../parts/Withdraw.tsx';
import { useRights } from '../../parts/who.ts';
import { Columns } from './Columns.tsx';

export function ClusterMap() {
  const { operate } = useRights();
  const [params, setParams] = useSearchParams();
  const [isAsked, setAsked] = useState(false);
  const words = params.get('q') ?? '';
  return (
    <Page
      title="Map"
      actions={
        operate && (
          <Button size="xs" variant="default" onClick={() => setAsked(true)}>
            On a screen
          </Button>
        )
      }
    >
      <TextInput
        size="xs"
        w={{ base: '100%', xs: 220 }}
        aria-label="Search on the map"
        placeholder="Search: stack, service, state"
        value={words}
        onChange={(event) => {
          const value = event.currentTarget.value;
          setParams(value ? { q: value } : {}, { replace: true });
        }}
      />
      <Columns words={words} />
      {isAsked && <Walls onClose={() => setAsked(false)} />}
    </Page>
  );
}

interface Wall {
  name: string;
  user: string;
  created: string;
  ends: string;
}

function Walls({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const query = useQuery({ queryKey: ['walls'], queryFn: () => get<Wall[]>('/essaim/walls') });
  const [name, setName] = useState('');
  const [link, setLink] = useState<string>();
  const again = (): void => void queries.invalidateQueries({ queryKey: ['walls'] });
  const make = (event: FormEvent): void => {
    event.preventDefault();
    void doing(`make the link ${name}`, async () => {
      const { secret } = await post<{ secret: string }>('/essaim/walls', { name });
      // Behind the # nothing is sent to any server, nor written into its log.
      setLink(`${location.origin}/ui/wall#${secret}`);
      setName('');
      again();
      return 'The link is made';
    });
  };
  return (
    <Modal opened onClose={onClose} title="The map on a screen" closeButtonProps={{ 'aria-label': 'Close' }}>
      <Stack gap="sm">
        <Text size="sm">
          Whoever has a link sees which tasks are on which hosts, and nothing else, until it is withdrawn or
          its maker’s account is gone.
        </Text>
        {link && (
          <div role="status">
            <Text size="sm">This is the link. It is not shown again:</Text>
            <Code block data-link>
              {link}
            </Code>
          </div>
        )}
        <Answered what="the links" query={query}>
          {(data) =>
            data.length > 0 && (
              <Table aria-label="Links">
                <Table.Tbody>
                  {data.map((wall) => (
                    <Table.Tr key={wall.name}>
                      <Table.Td>{wall.name}</Table.Td>
                      <Table.Td>by {wall.user}</Table.Td>
                      <Table.Td>until {new Date(wall.ends).toLocaleDateString()}</Table.Td>
                      <Table.Td>
                        <Withdraw name={wall.name} path="/essaim/walls" then={again} />
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            )
          }
        </Answered>
        <form onSubmit={make}>
          <Group gap="xs" align="flex-end">
            <TextInput
              label="Where it hangs"
              placeholder="kitchen"
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
              data-autofocus
            />
            <Button type="submit">Make a link</Button>
          </Group>
        </form>
      </Stack>
    </Modal>
  );
}
