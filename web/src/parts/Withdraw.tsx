import { Button } from '@mantine/core';
import { remove } from '../api/http.ts';
import { doing } from './doing.tsx';

/** Ends what a name and a secret were given for: a token, a link. */
export function Withdraw({ name, path, then }: { name: string; path: string; then: () => unknown }) {
  return (
    <Button
      size="compact-xs"
      variant="default"
      aria-label={`Withdraw ${name}`}
      onClick={() =>
        void doing(`withdraw ${name}`, async () => {
          await remove(`${path}/${encodeURIComponent(name)}`);
          return `${name} is good for nothing any more`;
        }).then(then)
      }
    >
      Withdraw
    </Button>
  );
}
