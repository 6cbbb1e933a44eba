/** One's own account: password, sessions, tokens. For administrators everybody's accounts. */
import { Button, Group } from '@mantine/core';
import { useState } from 'react';
import { post } from '../../api/http.ts';
import { doing } from '../../parts/doing.tsx';
import { PasswordField } from '../../parts/fields.tsx';
import { Page } from '../../parts/Page.tsx';
import { Section } from '../../parts/Section.tsx';
import { useRights } from '../../parts/who.ts';
import { Sessions } from './Sessions.tsx';
import { Tokens } from './Tokens.tsx';
import { Users } from './Users.tsx';

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
          <PasswordField
            label="Present one"
            what="the present password"
            w={220}
            value={old}
            autoComplete="current-password"
            onChange={setOld}
          />
          <PasswordField label="New one" what="the new password" w={220} value={fresh} onChange={setFresh} />
          <Button type="submit" variant="default">
            Change
          </Button>
        </Group>
      </form>
    </Section>
  );
}
