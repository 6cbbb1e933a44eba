/** Everybody's accounts, for administrators. */
import { Badge, Button, Group, Select, Switch, Table, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { Account } from '../../../../src/ui/protocol.ts';
import { get, post, remove } from '../../api/http.ts';
import { curl, word } from '../../format/command.ts';
import { Answered } from '../../parts/Answered.tsx';
import { Ask } from '../../parts/Ask.tsx';
import { doing } from '../../parts/doing.tsx';
import { NameField, PasswordField } from '../../parts/fields.tsx';
import { Section } from '../../parts/Section.tsx';
import { useRights } from '../../parts/who.ts';

const ROLES = ['administrator', 'operator', 'deployer', 'viewer'];

export function Users() {
  const queries = useQueryClient();
  const { account } = useRights();
  const query = useQuery({ queryKey: ['users'], queryFn: () => get<Account[]>('/essaim/users') });
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
      <Answered what="the accounts" query={query}>
        {(data) => (
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
                              await remove(`/essaim/users/${encodeURIComponent(user.name)}`);
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
        )}
      </Answered>
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
  const command = user
    ? curl(location.host, 'POST', `/essaim/users/${encodeURIComponent(user.name)}`, {
        ...{ role, disabled: isDisabled },
        ...(password && { password: '…' }),
      })
    : `essaim user add ${word(name || 'NAME')} --role ${role} --password-file FILE`;
  const own = stacks.split(/[\s,]+/).filter(Boolean);
  return (
    <Ask
      title={user ? `Account ${user.name}` : 'New account'}
      action={user ? 'Change' : 'Create'}
      command={command}
      onClose={onClose}
      onDo={() =>
        doing(user ? `change ${user.name}` : `make the account ${name}`, async () => {
          const common = { role, stacks: role === 'deployer' ? own : [], ...(password && { password }) };
          if (user)
            await post(`/essaim/users/${encodeURIComponent(user.name)}`, { ...common, disabled: isDisabled });
          else await post('/essaim/users', { ...common, name, password });
          return user ? `${user.name} is changed` : `${name} can sign in`;
        })
      }
    >
      {!user && <NameField value={name} onChange={setName} />}
      <PasswordField
        label={user ? 'New password' : 'Password'}
        description={user ? 'empty: it stays as it is' : undefined}
        value={password}
        onChange={setPassword}
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
