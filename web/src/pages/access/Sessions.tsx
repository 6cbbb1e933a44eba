/** Where one is signed in. */
import { Button, Table } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { get, remove } from '../../api/http.ts';
import { Age } from '../../parts/Age.tsx';
import { Answered } from '../../parts/Answered.tsx';
import { doing } from '../../parts/doing.tsx';
import { Section } from '../../parts/Section.tsx';

interface Session {
  id: string;
  created: string;
  seen: string;
  address: string;
  agent: string;
  current: boolean;
}

export function Sessions() {
  const queries = useQueryClient();
  const query = useQuery({
    queryKey: ['sessions'],
    queryFn: () => get<Session[]>('/essaim/sessions'),
  });
  return (
    <Section title="Your sessions">
      <Answered what="the sessions" query={query}>
        {(data) => (
          <Table aria-label="Sessions">
            <Table.Tbody>
              {data.map(({ id, created, address, agent, current }) => (
                <Table.Tr key={id}>
                  <Table.Td>{address}</Table.Td>
                  <Table.Td>{agent}</Table.Td>
                  <Table.Td>
                    since <Age of={created} />
                  </Table.Td>
                  <Table.Td>
                    {current ? (
                      'this one'
                    ) : (
                      <Button
                        size="compact-xs"
                        variant="default"
                        onClick={() =>
                          void doing('end the session', async () => {
                            await remove(`/essaim/sessions/${id}`);
                            return 'The session has ended';
                          }).then(() => queries.invalidateQueries({ queryKey: ['sessions'] }))
                        }
                      >
                        End
                      </Button>
                    )}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
      </Answered>
    </Section>
  );
}
