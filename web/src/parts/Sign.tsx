/** A state: shape, word, colour. */
import { Badge } from '@mantine/core';
import { COLOR, SHAPE, type Tone } from '../format/state.ts';

export function Sign({ tone, word }: { tone: Tone; word: string }) {
  return (
    <Badge
      variant="light"
      color={COLOR[tone]}
      size="sm"
      tt="none"
      data-tone={tone}
      className="sign"
      leftSection={<span aria-hidden="true">{SHAPE[tone]}</span>}
    >
      {word}
    </Badge>
  );
}
