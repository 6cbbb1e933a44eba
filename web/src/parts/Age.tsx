/** How long ago something was; the exact time on hover. All of a page move on together. */
import { useSyncExternalStore } from 'react';
import { age, agoText } from '../format/time.ts';

let now = Date.now();
const listeners = new Set<() => void>();
setInterval(() => {
  now = Date.now();
  for (const listener of listeners) listener();
}, 1_000);

export function useNow(): number {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => now,
  );
}

/** `ago`: in a sentence. */
export function Age({ of, ago }: { of: string; ago?: true }) {
  const at = useNow();
  const exact = new Date(of);
  if (Number.isNaN(exact.getTime())) return null;
  return (
    <time dateTime={of} title={exact.toLocaleString()}>
      {ago ? agoText(age(of, at)) : age(of, at)}
    </time>
  );
}
