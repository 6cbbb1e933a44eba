/** The pages, by address, and which of them stand in the bar. Each is loaded when it is first opened. */
import { type ComponentType, lazy } from 'react';
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
  { path: '/nodes', title: 'Nodes' },
  { path: '/networks', title: 'Networks' },
  { path: '/configs', title: 'Configs' },
  { path: '/secrets', title: 'Secrets' },
  { path: '/activity', title: 'Activity', needs: 'operate' },
  { path: '/access', title: 'Access' },
];

const lists = () => import('./pages/Lists.tsx');

export const ROUTES: Array<{ path: string; page: ComponentType }> = [
  { path: '/', page: Overview },
  {
    path: '/stacks',
    page: lazy(() => import('./pages/Stacks.tsx').then(({ Stacks }) => ({ default: Stacks }))),
  },
  {
    path: '/stacks/new',
    page: lazy(() => import('./pages/StackEdit.tsx').then(({ StackEdit }) => ({ default: StackEdit }))),
  },
  {
    path: '/stacks/:name/edit',
    page: lazy(() => import('./pages/StackEdit.tsx').then(({ StackEdit }) => ({ default: StackEdit }))),
  },
  {
    path: '/stacks/:name',
    page: lazy(() => import('./pages/Stack.tsx').then(({ Stack }) => ({ default: Stack }))),
  },
  {
    path: '/services',
    page: lazy(() => import('./pages/Services.tsx').then(({ Services }) => ({ default: Services }))),
  },
  {
    path: '/services/:id',
    page: lazy(() => import('./pages/Service.tsx').then(({ Service }) => ({ default: Service }))),
  },
  { path: '/tasks', page: lazy(() => import('./pages/Tasks.tsx').then(({ Tasks }) => ({ default: Tasks }))) },
  {
    path: '/tasks/:id',
    page: lazy(() => import('./pages/Task.tsx').then(({ Task }) => ({ default: Task }))),
  },
  {
    path: '/console/:container',
    page: lazy(() => import('./pages/Console.tsx').then(({ Console }) => ({ default: Console }))),
  },
  { path: '/nodes', page: lazy(() => import('./pages/Nodes.tsx').then(({ Nodes }) => ({ default: Nodes }))) },
  {
    path: '/nodes/:id',
    page: lazy(() => import('./pages/Node.tsx').then(({ Node }) => ({ default: Node }))),
  },
  { path: '/networks', page: lazy(() => lists().then(({ Networks }) => ({ default: Networks }))) },
  { path: '/configs', page: lazy(() => lists().then(({ Configs }) => ({ default: Configs }))) },
  { path: '/secrets', page: lazy(() => lists().then(({ Secrets }) => ({ default: Secrets }))) },
  { path: '/activity', page: lazy(() => lists().then(({ Activity }) => ({ default: Activity }))) },
  {
    path: '/access',
    page: lazy(() => import('./pages/Access.tsx').then(({ Access }) => ({ default: Access }))),
  },
];
