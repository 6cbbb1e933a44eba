/** Registries: credentials that are kept once for all hosts, and tried from each of them. */
import { Button, Code, Table, Text, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { RegistryRow } from '../../../../src/ui/protocol.ts';
import { get, post, remove } from '../../api/http.ts';
import { curl } from '../../format/command.ts';
import { Age } from '../../parts/Age.tsx';
import { Answered } from '../../parts/Answered.tsx';
import { Ask } from '../../parts/Ask.tsx';
import { doing } from '../../parts/doing.tsx';
import { PasswordField } from '../../parts/fields.tsx';
import { AskEverywhere } from '../../parts/Outcomes.tsx';
import { Page } from '../../parts/Page.tsx';
import { useRights } from '../../parts/who.ts';

type Question = { is: 'new' } | { is: 'try' | 'remove'; host: string };

export function Registries() {
  const queries = useQueryClient();
  const query = useQuery({
    queryKey: ['registries'],
    queryFn: () => get<RegistryRow[]>('/essaim/registries'),
  });
  const [question, setQuestion] = useState<Question>();
  const [host, setHost] = useState('');
  const [user, setUser] = useState('');
  const [password, setPassword] = useState('');
  const [image, setImage] = useState('');
  const close = (): void => setQuestion(undefined);
  const again = (): void => void queries.invalidateQueries({ queryKey: ['registries'] });
  const { operate } = useRights();
  return (
    <Page
      title="Registries"
      actions={
        operate && (
          <Button size="xs" onClick={() => setQuestion({ is: 'new' })}>
            Sign in to a registry
          </Button>
        )
      }
    >
      <Text size="sm">
        What is kept here is used by every host that pulls for a service, unless the service has credentials
        of its own (<Code>docker service create --with-registry-auth</Code>), and by <i>Pull</i> of the
        images’ page.
      </Text>
      <Answered what="the registries" query={query}>
        {(data) =>
          data.length === 0 ? (
            <Text size="sm">No credentials are kept: images are pulled without.</Text>
          ) : (
            <Table aria-label="Registries">
              <Table.Tbody>
                {data.map((row) => (
                  <Table.Tr key={row.host} data-registry={row.host}>
                    <Table.Td>{row.host}</Table.Td>
                    <Table.Td>as {row.user}</Table.Td>
                    <Table.Td className="desk-only">
                      since <Age of={row.changed} />
                    </Table.Td>
                    <Table.Td>
                      <Button
                        size="compact-xs"
                        variant="default"
                        mr={4}
                        aria-label={`Try ${row.host}`}
                        onClick={() => setQuestion({ is: 'try', host: row.host })}
                      >
                        Try
                      </Button>
                      <Button
                        size="compact-xs"
                        variant="default"
                        aria-label={`Forget ${row.host}`}
                        onClick={() => setQuestion({ is: 'remove', host: row.host })}
                      >
                        Forget
                      </Button>
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          )
        }
      </Answered>
      {question?.is === 'new' && (
        <Ask
          title="Sign in to a registry"
          action="Keep"
          command={curl(location.host, 'POST', '/essaim/registries', { host, user, password: '…' })}
          onClose={close}
          onDo={() =>
            doing(`keep the credentials of ${host}`, async () => {
              await post('/essaim/registries', { host, user, password });
              setPassword('');
              again();
              return `${host}: kept for all hosts`;
            })
          }
        >
          <TextInput
            label="Registry"
            description="as in names of images: registry.example.com:5000, or docker.io"
            value={host}
            onChange={(event) => setHost(event.currentTarget.value)}
            data-autofocus
          />
          <TextInput label="Name" value={user} onChange={(event) => setUser(event.currentTarget.value)} />
          <PasswordField
            label="Password or token"
            value={password}
            autoComplete="off"
            onChange={setPassword}
          />
        </Ask>
      )}
      {question?.is === 'try' && (
        <AskEverywhere
          title={`Try ${question.host}`}
          action="Try"
          request={(nodes) => ({
            method: 'POST',
            path: '/essaim/registries/try',
            body: image ? { image, nodes } : { host: question.host, nodes },
          })}
          command={curl(
            location.host,
            'POST',
            '/essaim/registries/try',
            image ? { image } : { host: question.host },
          )}
          onClose={close}
        >
          <TextInput
            label="An image there"
            description="whose manifest each host asks for; none: each host signs in"
            value={image}
            onChange={(event) => setImage(event.currentTarget.value)}
          />
        </AskEverywhere>
      )}
      {question?.is === 'remove' && (
        <Ask
          title={`Forget ${question.host}`}
          action="Forget"
          color="red.9"
          command={curl(location.host, 'DELETE', `/essaim/registries/${encodeURIComponent(question.host)}`)}
          onClose={close}
          onDo={() =>
            doing(`forget ${question.host}`, async () => {
              await remove(`/essaim/registries/${encodeURIComponent(question.host)}`);
              again();
              return `${question.host} is forgotten`;
            })
          }
        >
          <Text size="sm">Hosts pull from it without credentials from then on.</Text>
        </Ask>
      )}
    </Page>
  );
}
