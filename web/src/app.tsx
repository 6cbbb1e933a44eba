/** Who is signed in, and the page that the address names. */
import { Center, Loader } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Suspense, useEffect, useState } from 'react';
import { type AroundNavHandler, Redirect, Route, Router, Switch } from 'wouter';
import type { Account } from '../../src/ui/protocol.ts';
import { get, onSignedOut, RequestError } from './api/http.ts';
import { live } from './api/live.ts';
import { Frame } from './frame.tsx';
import { SignIn } from './pages/SignIn.tsx';
import { BASE, loading, ROUTES } from './pages.tsx';
import { Failed } from './parts/Failed.tsx';
import { Who } from './parts/who.ts';

type Visitor = { account: Account } | { isFirst: boolean };

async function visitor(): Promise<Visitor> {
  try {
    const account = get<Account>('/essaim/session').then((found) => {
      // The page that subscribes to something finds the connection under way.
      live.start();
      return found;
    });
    return { account: (await Promise.all([account, loading(location.pathname)]))[0] };
  } catch (error) {
    if (!(error instanceof RequestError) || error.status !== 401) throw error;
    return { isFirst: (await get<{ needed: boolean }>('/essaim/setup')).needed };
  }
}

let going: object | undefined;
/**
 * One goes to a page when its parts are there. React would draw what stands for it at once, and the page itself no sooner
 * than 300 ms later.
 */
const whenLoaded: AroundNavHandler = (navigate, to, options) => {
  const parts = loading(to);
  const mine = {};
  going = mine;
  if (!parts) navigate(to, options);
  else
    void parts.finally(() => {
      if (going === mine) navigate(to, options);
    });
};

export function App() {
  const queries = useQueryClient();
  const { data, error, refetch } = useQuery({
    queryKey: ['visitor'],
    queryFn: visitor,
    staleTime: Infinity,
    // Nobody has to press a button for a manager that was away for a moment.
    refetchInterval: ({ state }) => (state.status === 'error' ? 3_000 : false),
  });
  const [notice, setNotice] = useState<string>();

  useEffect(() => {
    onSignedOut(() => {
      setNotice('Your session has ended: sign in again.');
      live.stop();
      queries.clear();
      void refetch();
    });
  }, [queries, refetch]);

  if (error)
    return (
      <Center component="main" mih="100dvh" p="md">
        <Failed title="The manager cannot be asked" message={error.message} again={() => void refetch()} />
      </Center>
    );
  if (!data)
    return (
      <Center component="main" mih="100dvh">
        <Loader aria-label="One moment" />
      </Center>
    );
  if ('isFirst' in data)
    return (
      <SignIn key={String(data.isFirst)} isFirst={data.isFirst} notice={notice} done={() => void refetch()} />
    );
  return (
    <Who value={data.account}>
      <Router base={BASE} aroundNav={whenLoaded}>
        <Frame>
          <Suspense fallback={<Loader aria-label="The page is being loaded" />}>
            <Switch>
              {ROUTES.map(({ path, page }) => (
                <Route key={path} path={path} component={page} />
              ))}
              <Route>
                <Redirect to="/" replace />
              </Route>
            </Switch>
          </Suspense>
        </Frame>
      </Router>
    </Who>
  );
}
