/** The pages, by address, and which of them stand in the bar. Each is loaded when it is first opened. */
import { type ComponentType, type FunctionComponent, lazy, type ReactNode, useState } from 'react';
import { Overview } from './pages/Overview.tsx';
import type { Rights } from './parts/who.ts';

interface Place {
  path: string;
  title: string;
  /** Only for those who may. */
  needs?: keyof Pick<Rights, 'operate' | 'accounts'>;
}

export const NAVIGATION: Place[] = [
  { path: '/', title: 'Overview' },
  { path: '/stacks', title: 'Stacks' },
  { path: '/services', title: 'Services' },
  { path: '/tasks', title: 'Tasks' },
  { path: '/logs', title: 'Logs' },
  { path: '/nodes', title: 'Nodes' },
  { path: '/map', title: 'Map' },
  { path: '/containers', title: 'Containers' },
  { path: '/images', title: 'Images' },
  { path: '/volumes', title: 'Volumes' },
  { path: '/networks', title: 'Networks' },
  { path: '/configs', title: 'Configs' },
  { path: '/secrets', title: 'Secrets' },
  { path: '/events', title: 'Events' },
  { path: '/activity', title: 'Activity', needs: 'operate' },
  { path: '/registries', title: 'Registries', needs: 'operate' },
  { path: '/access', title: 'Access' },
];

/** `parts`: loads what it consists of; undefined if that is there. */
type PageInParts = FunctionComponent & { parts?: () => Promise<unknown> | undefined };

/** A page that is loaded when it is first opened, with the styles that the first page has no use for. */
function page(load: () => Promise<ComponentType>): PageInParts {
  let loaded: ComponentType | undefined;
  const all = async () => {
    [loaded] = await Promise.all([load(), import('./more.ts')]);
    return { default: loaded };
  };
  const Later = lazy(all);
  const Page = (): ReactNode => {
    // Stays what it was at first: as another component it would begin anew.
    const [Now] = useState<ComponentType>(() => loaded ?? Later);
    return <Now />;
  };
  return Object.assign(Page, { parts: () => (loaded ? undefined : all()) });
}

/** Where all pages are. */
export const BASE = '/ui';

/** Loads the page of that address (`/ui/services/ID?tab=logs`); undefined if it is there, or there is none. */
export function loading(address: string): Promise<unknown> | undefined {
  const place = address.slice(BASE.length).replace(/\/?([?#].*)?$/, '') || '/';
  return ROUTES.find(({ pattern }) => pattern.test(place))?.page.parts?.();
}

const contents = () => import('./pages/contents/Contents.tsx');

const PAGES: Array<{ path: string; page: PageInParts }> = [
  { path: '/', page: Overview },
  {
    path: '/stacks',
    page: page(() => import('./pages/Stacks.tsx').then(({ Stacks }) => Stacks)),
  },
  {
    path: '/stacks/new',
    page: page(() => import('./pages/StackEdit.tsx').then(({ StackEdit }) => StackEdit)),
  },
  {
    path: '/stacks/:name/edit',
    page: page(() => import('./pages/StackEdit.tsx').then(({ StackEdit }) => StackEdit)),
  },
  {
    path: '/stacks/:name',
    page: page(() => import('./pages/Stack.tsx').then(({ Stack }) => Stack)),
  },
  {
    path: '/services',
    page: page(() => import('./pages/Services.tsx').then(({ Services }) => Services)),
  },
  {
    path: '/services/new',
    page: page(() => import('./pages/services/NewService.tsx').then(({ NewService }) => NewService)),
  },
  {
    path: '/services/:id',
    page: page(() => import('./pages/Service.tsx').then(({ Service }) => Service)),
  },
  { path: '/logs', page: page(() => import('./pages/logs/Logs.tsx').then(({ Logs }) => Logs)) },
  { path: '/tasks', page: page(() => import('./pages/Tasks.tsx').then(({ Tasks }) => Tasks)) },
  {
    path: '/tasks/:id',
    page: page(() => import('./pages/Task.tsx').then(({ Task }) => Task)),
  },
  {
    path: '/console/:container',
    page: page(() => import('./pages/Console.tsx').then(({ Console }) => Console)),
  },
  { path: '/nodes', page: page(() => import('./pages/Nodes.tsx').then(({ Nodes }) => Nodes)) },
  {
    path: '/nodes/:id',
    page: page(() => import('./pages/Node.tsx').then(({ Node }) => Node)),
  },
  {
    path: '/containers',
    page: page(() => import('./pages/hosts/Containers.tsx').then(({ Containers }) => Containers)),
  },
  {
    path: '/containers/:node/:id',
    page: page(() => import('./pages/hosts/Container.tsx').then(({ Container }) => Container)),
  },
  { path: '/images', page: page(() => import('./pages/hosts/Images.tsx').then(({ Images }) => Images)) },
  { path: '/volumes', page: page(() => import('./pages/hosts/Volumes.tsx').then(({ Volumes }) => Volumes)) },
  {
    path: '/volumes/:node/:name',
    page: page(() => import('./pages/hosts/Files.tsx').then(({ Files }) => Files)),
  },
  { path: '/events', page: page(() => import('./pages/hosts/Events.tsx').then(({ Events }) => Events)) },
  {
    path: '/registries',
    page: page(() => import('./pages/registries/Registries.tsx').then(({ Registries }) => Registries)),
  },
  { path: '/map', page: page(() => import('./pages/map/Map.tsx').then(({ ClusterMap }) => ClusterMap)) },
  {
    path: '/networks/:id',
    page: page(() => import('./pages/networks/Network.tsx').then(({ Network }) => Network)),
  },
  {
    path: '/networks',
    page: page(() => import('./pages/networks/Networks.tsx').then(({ Networks }) => Networks)),
  },
  { path: '/configs', page: page(() => contents().then(({ Configs }) => Configs)) },
  { path: '/secrets', page: page(() => contents().then(({ Secrets }) => Secrets)) },
  { path: '/activity', page: page(() => import('./pages/Activity.tsx').then(({ Activity }) => Activity)) },
  {
    path: '/access',
    page: page(() => import('./pages/access/Access.tsx').then(({ Access }) => Access)),
  },
];

export const ROUTES = PAGES.map((each) => ({
  ...each,
  pattern: new RegExp(`^${each.path.replaceAll(/:\w+/g, '[^/]+')}$`),
}));
