/** One's own tokens. */
import { Button, Code, Select, Stack, Table, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { get, post } from '../../api/http.ts';
import { word } from '../../format/command.ts';
import { Age } from '../../parts/Age.tsx';
import { Answered } from '../../parts/Answered.tsx';
import { Ask } from '../../parts/Ask.tsx';
import { doing } from '../../parts/doing.tsx';
import { NameField } from '../../parts/fields.tsx';
import { Section } from '../../parts/Section.tsx';
import { Withdraw } from '../../parts/Withdraw.tsx';
import { useRights } from '../../parts/who.ts';

interface Token {
  name: string;
  scope: string;
  created: string;
  ends?: string;
  used?: string;
  secret?: string;
}

export function Tokens() {
  const queries = useQueryClient();
  const query = useQuery({ queryKey: ['tokens'], queryFn: () => get<Token[]>('/essaim/tokens') });
  const { account } = useRights();
  const [isNew, setNew] = useState(false);
  const [name, setName] = useState('');
  const [scope, setScope] = useState('all');
  const [secret, setSecret] = useState<string>();
  const again = (): void => void queries.invalidateQueries({ queryKey: ['tokens'] });
  return (
    <Section
      title="Tokens"
      action={
        <Button size="xs" variant="default" onClick={() => setNew(true)}>
          New token
        </Button>
      }
    >
      {secret && (
        <Stack gap={4} mb="sm" role="status">
          <Text size="sm">This is the token. It is not shown again:</Text>
          <Code block>{secret}</Code>
        </Stack>
      )}
      <Answered what="the tokens" query={query}>
        {(data) =>
          data.length === 0 ? (
            <Text size="sm">You have no token. One lets the docker CLI or a script do what you may.</Text>
          ) : (
            <Table aria-label="Tokens">
              <Table.Tbody>
                {data.map((token) => (
                  <Table.Tr key={token.name}>
                    <Table.Td>{token.name}</Table.Td>
                    <Table.Td>{token.scope === 'read' ? 'for reading' : 'all that you may'}</Table.Td>
                    <Table.Td>{token.ends && `ends ${new Date(token.ends).toLocaleDateString()}`}</Table.Td>
                    <Table.Td>
                      {token.used ? (
                        <>
                          used <Age of={token.used} ago />
                        </>
                      ) : (
                        'not used yet'
                      )}
                    </Table.Td>
                    <Table.Td>
                      <Withdraw name={token.name} path="/essaim/tokens" then={again} />
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          )
        }
      </Answered>
      {isNew && (
        <Ask
          title="New token"
          action="Create"
          command={`essaim token create ${word(name || 'NAME')} --user ${word(account.name)}`}
          onClose={() => setNew(false)}
          onDo={() =>
            doing(`make the token ${name}`, async () => {
              const made = await post<Token>('/essaim/tokens', { name, scope });
              setSecret(made.secret);
              again();
              return `${name} is made`;
            })
          }
        >
          <NameField value={name} onChange={setName} />
          <Select
            label="For"
            data={[
              { value: 'all', label: 'all that you may' },
              { value: 'read', label: 'reading' },
            ]}
            value={scope}
            onChange={(value) => setScope(value ?? 'all')}
            allowDeselect={false}
          />
        </Ask>
      )}
    </Section>
  );
}
