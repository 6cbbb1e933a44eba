/** Columns that several tables have. */
import { Button } from '@mantine/core';
import { Age } from './Age.tsx';
import type { Column } from './DataTable.tsx';

/** How long ago something was. */
export function ageColumn<R>(key: string, title: string, of: (row: R) => string | undefined): Column<R> {
  return {
    ...{ key, title, width: '6rem', value: of, phone: 'hide' },
    cell: (row) => {
      const at = of(row);
      return at && <Age of={at} />;
    },
  };
}

export function stackColumn<R extends { stack?: string }>(): Column<R> {
  return { key: 'stack', title: 'Stack', width: '7rem', value: ({ stack }) => stack, phone: 'hide' };
}

export function usedByColumn<R>(users: (row: R) => string[]): Column<R> {
  return {
    ...{ key: 'usedBy', title: 'Used by', width: 'minmax(6rem, 2fr)', phone: 'hide' },
    value: (row) => users(row).join(', '),
  };
}

interface Deed<R> {
  /** `Remove` */
  word: string;
  /** What it is done to, for those who hear it. */
  name: (row: R) => string;
  may: (row: R) => boolean;
  ask: (row: R) => void;
}

/** Buttons for what can be done with a row. */
export function deedsColumn<R>(...deeds: Array<Deed<R>>): Column<R> {
  return {
    ...{ key: 'deeds', title: '', width: `${5 * deeds.length + 0.5}rem`, value: () => undefined },
    cell: (row) =>
      deeds
        .filter(({ may }) => may(row))
        .map(({ word, name, ask }) => (
          <Button
            key={word}
            size="compact-xs"
            variant="default"
            mr={4}
            aria-label={`${word} ${name(row)}`}
            onClick={() => ask(row)}
          >
            {word}
          </Button>
        )),
  };
}
