/** A state: shape, word, colour. */
import { Badge } from '@mantine/core';
import { SHAPE, type Tone } from '../format/state.ts';

export function Sign({ tone, word }: { tone: Tone; word: string }) {
  return (
    <Badge
      variant="default"
      size="sm"
      tt="none"
      fw={600}
      data-tone={tone}
      className="sign"
      leftSection={
        <span aria-hidden="true" data-tone={tone}>
          {SHAPE[tone]}
        </span>
      }
    >
      {word}
    </Badge>
  );
}
