import './nonce.ts';
import './styles.css';
import {
  type CSSVariablesResolver,
  createTheme,
  type MantineColorsTuple,
  MantineProvider,
} from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import { createRoot } from 'react-dom/client';
import { RequestError } from './api/http.ts';
import { App } from './app.tsx';
import { nonce } from './nonce.ts';

/** Honey, dark enough to be read on white from the eighth shade on. */
const honey: MantineColorsTuple = [
  ...(['#fff4e6', '#ffe8cc', '#ffd8a8', '#ffc078', '#ffa94d'] as const),
  ...(['#f08c2e', '#c2540a', '#ab4700', '#963e00', '#823500'] as const),
];

const theme = createTheme({
  colors: { honey },
  primaryColor: 'honey',
  primaryShade: { light: 8, dark: 7 },
  components: {
    Anchor: { defaultProps: { underline: 'always' } },
    // Without a role what they are called is told to nobody.
    Loader: { defaultProps: { role: 'status' } },
    Skeleton: { defaultProps: { role: 'status' } },
  },
  fontFamily: 'system-ui, "Segoe UI", Roboto, Ubuntu, "DejaVu Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
  defaultRadius: 'sm',
  cursorType: 'pointer',
});

/** Mantine's own grey for what is secondary has too little contrast. */
const contrast: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': 'var(--mantine-color-gray-7)',
    '--mantine-color-placeholder': 'var(--mantine-color-gray-7)',
    '--mantine-color-error': 'var(--mantine-color-red-9)',
    '--mantine-color-anchor': 'var(--mantine-color-honey-8)',
  },
  dark: {
    '--mantine-color-dimmed': 'var(--mantine-color-dark-1)',
    '--mantine-color-placeholder': 'var(--mantine-color-dark-1)',
    '--mantine-color-error': 'var(--mantine-color-red-4)',
    '--mantine-color-anchor': 'var(--mantine-color-honey-4)',
  },
});

/** What was refused once is refused again; what has failed may not. */
const retry = (count: number, error: Error): boolean =>
  count === 0 && !(error instanceof RequestError && error.status >= 400 && error.status < 500);
const queries = new QueryClient({
  defaultOptions: { queries: { retry, retryDelay: 500, staleTime: 5_000 } },
});

const RELOADED = 'reloaded';
// A part of the page that is not there any more, as the manager serves another build by now, or that was lost on the way.
addEventListener('vite:preloadError', () => {
  if (Date.now() - Number(sessionStorage.getItem(RELOADED) ?? 0) < 10_000) return;
  sessionStorage.setItem(RELOADED, String(Date.now()));
  location.reload();
});

/** A screen that nobody has signed in at. */
const isWall = location.pathname === '/ui/wall';
const Wall = lazy(() => import('./pages/map/Wall.tsx'));

createRoot(document.getElementById('root')!).render(
  <MantineProvider
    theme={theme}
    defaultColorScheme="auto"
    cssVariablesResolver={contrast}
    getStyleNonce={() => nonce}
  >
    <QueryClientProvider client={queries}>
      <Notifications position="bottom-right" />
      {isWall ? (
        <Suspense>
          <Wall />
        </Suspense>
      ) : (
        <App />
      )}
    </QueryClientProvider>
  </MantineProvider>,
);
