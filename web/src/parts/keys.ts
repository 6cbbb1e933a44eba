/** Keys that work on every page: Ctrl-K, `?`, and `g` with another letter. */
import { useEffect } from 'react';
import { useLocation } from 'wouter';
import { GO_KEYS } from '../format/keys.ts';

/** The second letter has to come within so many ms. */
const PATIENCE = 1_500;

export function useKeys(open: (what: 'palette' | 'help') => void): void {
  const [, navigate] = useLocation();
  // biome-ignore lint/correctness/useExhaustiveDependencies: what they call is always the same
  useEffect(() => {
    let began = 0;
    const press = (event: KeyboardEvent): void => {
      const { key, ctrlKey, metaKey, altKey, target } = event;
      if ((ctrlKey || metaKey) && key.toLowerCase() === 'k') {
        event.preventDefault();
        open('palette');
        return;
      }
      const isTyping = (target as HTMLElement).closest?.(
        'input, textarea, select, [contenteditable], .terminal, [role=dialog]',
      );
      if (ctrlKey || metaKey || altKey || isTyping) return;
      const to = event.timeStamp - began < PATIENCE ? GO_KEYS[key] : undefined;
      began = key === 'g' ? event.timeStamp : 0;
      if (key === '?') open('help');
      if (to === undefined) return;
      event.preventDefault();
      navigate(to);
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);
}
