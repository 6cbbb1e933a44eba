/** The first visit, with a code; later the sign-in. */
import { Alert, Button, Center, Code, Paper, Progress, Stack, Text, TextInput, Title } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import { type FormEvent, useEffect, useState } from 'react';
import { post, type RequestError } from '../api/http.ts';
import { strength } from '../format/password.ts';
import { PasswordField } from '../parts/fields.tsx';

interface Errors {
  name?: string;
  password?: string;
  again?: string;
  code?: string;
  all?: string;
}

/** `isFirst`: there is no account yet. `done` is called when somebody is signed in. */
export function SignIn({ isFirst, notice, done }: { isFirst: boolean; notice?: string; done: () => void }) {
  useDocumentTitle(isFirst ? 'Welcome · Essaim' : 'Sign in · Essaim');
  const [name, setName] = useState(isFirst ? 'admin' : '');
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const [code, setCode] = useState(codeInAddress);
  const [errors, setErrors] = useState<Errors>({});
  const [busy, setBusy] = useState(false);
  const [hadCode, setHadCode] = useState(code !== '');

  useEffect(() => {
    const take = (): void => {
      const given = codeInAddress();
      if (!given) return;
      // What is in the address stays in no history.
      history.replaceState(null, '', location.pathname + location.search);
      setCode(given);
      setHadCode(true);
      setErrors({});
    };
    take();
    // Whoever opens the printed address where this page is open already loads nothing anew.
    addEventListener('hashchange', take);
    return () => removeEventListener('hashchange', take);
  }, []);

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    const wrong: Errors = {};
    if (!name) wrong.name = 'Say who you are.';
    if (!password) wrong.password = 'Type a password.';
    if (isFirst && password !== again) wrong.again = 'This is not the same password.';
    if (isFirst && !code) wrong.code = 'Run “essaim ui” on a manager: it prints the code.';
    setErrors(wrong);
    if (Object.keys(wrong).length > 0) return;
    setBusy(true);
    try {
      if (isFirst) await post('/essaim/setup', { code, name, password });
      await post('/essaim/session', { name, password });
      done();
    } catch (error) {
      setErrors(placed(error as RequestError));
    } finally {
      setBusy(false);
    }
  };

  const how = strength(password);
  return (
    <Center component="main" mih="100dvh" p="md">
      <Paper
        withBorder
        p="lg"
        w="100%"
        maw={420}
        component="form"
        onSubmit={(event) => void submit(event)}
        noValidate
      >
        <Stack gap="sm">
          <Title order={1} size="h3">
            {isFirst ? 'Welcome to Essaim' : 'Sign in to Essaim'}
          </Title>
          {isFirst && (
            <Text size="sm" c="dimmed">
              This swarm has no account yet. Choose the administrator’s name and password.
            </Text>
          )}
          {notice && (
            <Text size="sm" role="status">
              {notice}
            </Text>
          )}
          <TextInput
            label="Name"
            value={name}
            autoComplete="username"
            onChange={(event) => setName(event.currentTarget.value)}
            error={errors.name}
            autoFocus={!isFirst}
          />
          <PasswordField
            value={password}
            autoComplete={isFirst ? 'new-password' : 'current-password'}
            onChange={setPassword}
            error={errors.password}
            description={isFirst ? 'At least 12 characters; a sentence is a good one.' : undefined}
            autoFocus={isFirst}
          />
          {isFirst && (
            <>
              <Progress
                value={how.share * 100}
                color={how.color}
                size="sm"
                aria-label={`Strength: ${how.word}`}
              />
              <PasswordField
                label="The same password again"
                value={again}
                onChange={setAgain}
                error={errors.again}
              />
              {(!hadCode || errors.code) && (
                <TextInput
                  label="Code"
                  value={code}
                  autoComplete="off"
                  spellCheck={false}
                  onChange={(event) => setCode(event.currentTarget.value)}
                  error={errors.code}
                  description={
                    <>
                      Run <Code>essaim ui</Code> on a manager as root: it prints a code that is good once.
                    </>
                  }
                />
              )}
            </>
          )}
          {errors.all && (
            <Alert color="red.9" variant="outline" role="alert">
              {errors.all}
            </Alert>
          )}
          <Button type="submit" loading={busy}>
            {isFirst ? 'Make the account' : 'Sign in'}
          </Button>
        </Stack>
      </Paper>
    </Center>
  );
}

const codeInAddress = (): string => decodeURIComponent(location.hash.slice(1));

/** An error at the field that it is about. */
function placed({ status, message }: RequestError): Errors {
  if (/password has|this password/.test(message)) return { password: message };
  if (/account's name/.test(message)) return { name: message };
  if (status === 403 && /code/.test(message)) return { code: message };
  return { all: message };
}
