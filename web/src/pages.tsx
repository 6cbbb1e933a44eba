/** The pages, by address, and which of them stand in the bar. */
import type { ComponentType } from 'react';
import { Nodes } from './pages/Nodes.tsx';
import { Services } from './pages/Services.tsx';
import { Tasks } from './pages/Tasks.tsx';
import type { Rights } from './parts/who.ts';

interface Place {
  path: string;
  title: string;
  /** Only for those who may. */
  needs?: keyof Pick<Rights, 'operate' | 'accounts'>;
}

export const NAVIGATION: Place[] = [
  { path: '/services', title: 'Services' },
  { path: '/tasks', title: 'Tasks' },
  { path: '/nodes', title: 'Nodes' },
];

export const ROUTES: Array<{ path: string; page: ComponentType }> = [
  { path: '/services', page: Services },
  { path: '/tasks', page: Tasks },
  { path: '/nodes', page: Nodes },
];
