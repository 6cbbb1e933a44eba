/** What surrounds every page: where one can go, who one is, whether what is shown is of now. */
import {
  ActionIcon,
  AppShell,
  Burger,
  Button,
  Group,
  NavLink,
  Text,
  UnstyledButton,
  useMantineColorScheme,
} from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { lazy, type ReactNode, Suspense, useEffect, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { remove } from './api/http.ts';
import { useConnection } from './api/live.ts';
import { NAVIGATION } from './pages.tsx';
import { useNow } from './parts/Age.tsx';
import { useKeys } from './parts/keys.ts';
import { useRights } from './parts/who.ts';

const Palette = lazy(() => import('./parts/Palette.tsx'));

/** What stands at the bottom of a phone. */
const BAR = [
  { path: '/', title: 'Overview', sign: '◉' },
  { path: '/stacks', title: 'Stacks', sign: '▤' },
  { path: '/services', title: 'Services', sign: '⚙' },
  { path: '/nodes', title: 'Nodes', sign: '▦' },
];

export function Frame({ children }: { children: ReactNode }) {
  const [isOpen, { toggle, close }] = useDisclosure();
  const [place] = useLocation();
  const rights = useRights();
  const [palette, setPalette] = useState<'palette' | 'help'>();
  useKeys(setPalette);
  // biome-ignore lint/correctness/useExhaustiveDependencies: whoever has gone somewhere needs the list of places no more
  useEffect(close, [place]);
  return (
    <AppShell
      header={{ height: 48 }}
      navbar={{ width: 180, breakpoint: 'sm', collapsed: { mobile: !isOpen } }}
      footer={{ height: { base: 56, sm: 0 } }}
      padding={{ base: 'xs', sm: 'md' }}
    >
      <AppShell.Header px="sm">
        <Group h="100%" justify="space-between" wrap="nowrap">
          <Group gap="xs" wrap="nowrap">
            <Burger opened={isOpen} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Where to go" />
            <Text component={Link} href="/" fw={700} c="inherit" td="none">
              Essaim
            </Text>
          </Group>
          <Group gap="xs" wrap="nowrap">
            <ConnectionLine />
            <Button size="xs" variant="default" onClick={() => setPalette('palette')} visibleFrom="sm">
              Find… Ctrl-K
            </Button>
            <Theme />
            <UserMenu />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label="Pages">
        {NAVIGATION.filter(({ needs }) => needs === undefined || rights[needs]).map(({ path, title }) => (
          <NavLink
            key={path}
            component={Link}
            href={path}
            label={title}
            active={place === path || (path !== '/' && place.startsWith(`${path}/`))}
            aria-current={place === path ? 'page' : undefined}
          />
        ))}
      </AppShell.Navbar>
      <AppShell.Main>{children}</AppShell.Main>
      <AppShell.Footer hiddenFrom="sm" aria-label="Places">
        <div className="bar">
          {BAR.map(({ path, title, sign }) => (
            <UnstyledButton
              key={path}
              component={Link}
              href={path}
              aria-current={place === path ? 'page' : undefined}
            >
              <span aria-hidden="true">{sign}</span>
              {title}
            </UnstyledButton>
          ))}
          <UnstyledButton onClick={() => setPalette('palette')}>
            <span aria-hidden="true">⌕</span>
            Find
          </UnstyledButton>
        </div>
      </AppShell.Footer>
      {palette && (
        <Suspense>
          <Palette isHelp={palette === 'help'} onClose={() => setPalette(undefined)} />
        </Suspense>
      )}
    </AppShell>
  );
}

function ConnectionLine() {
  const { isLive, since, nextTry } = useConnection();
  const now = useNow();
  if (isLive) return null;
  // Before it was ever there, and for a moment, nobody needs to be told.
  if (now - since < 1_500) return null;
  const seconds = Math.max(0, Math.ceil((nextTry - now) / 1_000));
  return (
    <Text size="xs" c="red.9" role="status" className="stale">
      Showing {new Date(since).toLocaleTimeString()}, trying again in {seconds} s
    </Text>
  );
}

function Theme() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const next = { auto: 'light', light: 'dark', dark: 'auto' } as const;
  const sign = { auto: '◐', light: '☀', dark: '☾' }[colorScheme];
  return (
    <ActionIcon
      variant="default"
      aria-label={`Colours: ${colorScheme}. Change to ${next[colorScheme]}`}
      onClick={() => setColorScheme(next[colorScheme])}
    >
      {sign}
    </ActionIcon>
  );
}

function UserMenu() {
  const { account } = useRights();
  const signOut = async (): Promise<void> => {
    await remove('/essaim/session').catch(() => undefined);
    location.assign('/ui/');
  };
  return (
    <>
      <Button size="xs" variant="default" component={Link} href="/access" visibleFrom="sm">
        {account.name}
      </Button>
      <Button size="xs" variant="default" onClick={() => void signOut()}>
        Sign out
      </Button>
    </>
  );
}
