/** One's own account: password, sessions, tokens. For administrators everybody's accounts. */
import {
  Badge,
  Button,
  Card,
  Code,
  Group,
  PasswordInput,
  Select,
  Stack,
  Switch,
  Table,
  Text,
  TextInput,
  Title,
} from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import type { Account } from '../../../src/ui/protocol.ts';
import { get, post, remove } from '../api/http.ts';
import { Age } from '../parts/Age.tsx';
import { Ask } from '../parts/Ask.tsx';
import { doing } from '../parts/doing.tsx';
import { Page } from '../parts/Page.tsx';
import { Withdraw } from '../parts/Withdraw.tsx';
import { useRights } from '../parts/who.ts';

interface Session {
  id: string;
  created: string;
  seen: string;
  address: string;
  agent: string;
  current: boolean;
}

interface Token {
  name: string;
  scope: string;
  created: string;
  ends?: string;
  used?: string;
  secret?: string;
}

export function Access() {
  const { account, accounts } = useRights();
  return (
    <Page title="Access">
      {accounts && <Users />}
      <Tokens />
      <Sessions />
      <Password name={account.name} />
    </Page>
  );
}

function Section({ title, action, children }: { title: string; action?: ReactNode; children: ReactNode }) {
  return (
    <Card withBorder component="section" aria-label={title}>
      <Group justify="space-between" mb="xs">
        <Title order={2} size="h5">
          {title}
        </Title>
        {action}
      </Group>
      {children}
    </Card>
  );
}

const ROLES = ['administrator', 'operator', 'deployer', 'viewer'];

function Users() {
  const queries = useQueryClient();
  const { account } = useRights();
  const { data = [] } = useQuery({ queryKey: ['users'], queryFn: () => get<Account[]>('/essaim/users') });
  const [edited, setEdited] = useState<Account | 'new'>();
  const again = (): void => void queries.invalidateQueries({ queryKey: ['users'] });
  return (
    <Section
      title="Accounts"
      action={
        <Button size="xs" onClick={() => setEdited('new')}>
          New account
        </Button>
      }
    >
      <Table aria-label="Accounts">
        <Table.Tbody>
          {data.map((user) => (
            <Table.Tr key={user.name}>
              <Table.Td>{user.name}</Table.Td>
              <Table.Td>
                {user.role} {user.stacks.length > 0 && `of ${user.stacks.join(', ')}`}{' '}
                {user.disabled && (
                  <Badge variant="outline" tt="none" color="gray">
                    disabled
                  </Badge>
                )}
              </Table.Td>
              <Table.Td>
                <Group gap={4} justify="flex-end">
                  <Button
                    size="compact-xs"
                    variant="default"
                    onClick={() => setEdited(user)}
                    aria-label={`Change ${user.name}`}
                  >
                    Change
                  </Button>
                  {user.name !== account.name && (
                    <Button
                      size="compact-xs"
                      variant="default"
                      aria-label={`Remove ${user.name}`}
                      onClick={() =>
                        void doing(`remove ${user.name}`, async () => {
                          await remove(`/essaim/users/${user.name}`);
                          return `${user.name} is removed`;
                        }).then(again)
                      }
                    >
                      Remove
                    </Button>
                  )}
                </Group>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {edited && (
        <UserDialog
          user={edited === 'new' ? undefined : edited}
          onClose={() => {
            setEdited(undefined);
            again();
          }}
        />
      )}
    </Section>
  );
}

function UserDialog({ user, onClose }: { user?: Account; onClose: () => void }) {
  const [name, setName] = useState(user?.name ?? '');
  const [password, setPassword] = useState('');
  const [role, setRole] = useState<string>(user?.role ?? 'viewer');
  const [stacks, setStacks] = useState(user?.stacks.join(', ') ?? '');
  const [isDisabled, setDisabled] = useState(user?.disabled ?? false);
  const own = stacks.split(/[\s,]+/).filter(Boolean);
  return (
    <Ask
      title={user ? `Account ${user.name}` : 'New account'}
      action={user ? 'Change' : 'Create'}
      onClose={onClose}
      onDo={() =>
        doing(user ? `change ${user.name}` : `make the account ${name}`, async () => {
          const common = { role, stacks: role === 'deployer' ? own : [], ...(password && { password }) };
          if (user) await post(`/essaim/users/${user.name}`, { ...common, disabled: isDisabled });
          else await post('/essaim/users', { ...common, name, password });
          return user ? `${user.name} is changed` : `${name} can sign in`;
        })
      }
    >
      {!user && (
        <TextInput
          label="Name"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          data-autofocus
        />
      )}
      <PasswordInput
        label={user ? 'New password' : 'Password'}
        description={user ? 'empty: it stays as it is' : undefined}
        value={password}
        autoComplete="new-password"
        onChange={(event) => setPassword(event.currentTarget.value)}
        visibilityToggleButtonProps={{ 'aria-label': 'Show the password' }}
      />
      <Select
        label="Role"
        data={ROLES}
        value={role}
        onChange={(value) => setRole(value ?? 'viewer')}
        allowDeselect={false}
      />
      {role === 'deployer' && (
        <TextInput
          label="Its stacks"
          description="names, with commas between them"
          value={stacks}
          onChange={(event) => setStacks(event.currentTarget.value)}
        />
      )}
      {user && (
        <Switch
          label="disabled"
          checked={isDisabled}
          onChange={(event) => setDisabled(event.currentTarget.checked)}
        />
      )}
    </Ask>
  );
}

function Tokens() {
  const queries = useQueryClient();
  const { data = [] } = useQuery({ queryKey: ['tokens'], queryFn: () => get<Token[]>('/essaim/tokens') });
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
      {data.length === 0 && (
        <Text size="sm">You have no token. One lets the docker CLI or a script do what you may.</Text>
      )}
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
                    used <Age of={token.used} /> ago
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
      {isNew && (
        <Ask
          title="New token"
          action="Create"
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
          <TextInput
            label="Name"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            data-autofocus
          />
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

function Sessions() {
  const queries = useQueryClient();
  const { data = [] } = useQuery({
    queryKey: ['sessions'],
    queryFn: () => get<Session[]>('/essaim/sessions'),
  });
  return (
    <Section title="Your sessions">
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
    </Section>
  );
}

function Password({ name }: { name: string }) {
  const [old, setOld] = useState('');
  const [fresh, setFresh] = useState('');
  return (
    <Section title="Your password">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void doing('change the password', async () => {
            await post('/essaim/password', { old, new: fresh });
            setOld('');
            setFresh('');
            return 'Your password is changed; your other sessions have ended';
          });
        }}
      >
        <input type="hidden" autoComplete="username" value={name} readOnly />
        <Group align="flex-end" gap="sm">
          <PasswordInput
            label="Present one"
            w={220}
            value={old}
            autoComplete="current-password"
            onChange={(event) => setOld(event.currentTarget.value)}
            visibilityToggleButtonProps={{ 'aria-label': 'Show the present password' }}
          />
          <PasswordInput
            label="New one"
            w={220}
            value={fresh}
            autoComplete="new-password"
            onChange={(event) => setFresh(event.currentTarget.value)}
            visibilityToggleButtonProps={{ 'aria-label': 'Show the new password' }}
          />
          <Button type="submit" variant="default">
            Change
          </Button>
        </Group>
      </form>
    </Section>
  );
}
