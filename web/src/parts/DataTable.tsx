/** A table of live rows: only what is in view is drawn. Sorted by a click on a head, filtered by a text, both in the address. */
import { Button, Group, Skeleton, Stack, Text, TextInput, UnstyledButton } from '@mantine/core';
import { useHotkeys, useMediaQuery } from '@mantine/hooks';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, memo, type ReactNode, useCallback, useMemo, useRef } from 'react';
import { useLocation, useSearchParams } from 'wouter';
import type { LiveList } from '../api/live.ts';
import { Sorter } from '../format/sort.ts';
import { Failed } from './Failed.tsx';

export interface Column<R> {
  key: string;
  title: string;
  /** As in a CSS grid. */
  width: string;
  /** What is sorted by and searched in. */
  value: (row: R) => string | number | undefined;
  /** How it is shown; the value if it is not said. */
  cell?: (row: R) => ReactNode;
  /** On a phone a row has room for little. */
  phone?: 'hide';
}

interface Props<R> {
  /** What the table is of, for those who hear it. */
  label: string;
  list: LiveList<R>;
  columns: Array<Column<R>>;
  /** The page of a row. */
  href?: (row: R) => string;
  /** What else is searched in. */
  text?: (row: R) => string;
  empty: ReactNode;
  /** Beside the search. */
  tools?: ReactNode;
  /** Of several tables on a page each has its own search. */
  name?: string;
  height?: string;
  /** The rows are in their order already, until another one is chosen. */
  isOrdered?: true;
}

const ROW = 44;
const PHONE_ROW = 64;

export function DataTable<R extends { id: string }>(props: Props<R>) {
  const { label, list, columns, href, text, empty, tools, name = '' } = props;
  const [params, setParams] = useSearchParams();
  const [, navigate] = useLocation();
  const isPhone = useMediaQuery('(max-width: 48em)') ?? false;
  const scroller = useRef<HTMLDivElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const sorter = useRef(new Sorter<R>());
  const filter = params.get(`${name}q`) ?? '';
  const sort = params.get(`${name}sort`) ?? '';
  useHotkeys([['/', () => search.current?.focus()]]);

  const set = (key: string, value: string): void =>
    setParams(
      (before) => {
        const after = new URLSearchParams(before);
        if (value) after.set(name + key, value);
        else after.delete(name + key);
        return after;
      },
      { replace: true },
    );

  const rows = useMemo(() => {
    const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
    const found =
      words.length === 0
        ? list.rows
        : list.rows.filter((row) => {
            const all =
              `${columns.map(({ value }) => value(row) ?? '').join(' ')} ${text?.(row) ?? ''}`.toLowerCase();
            return words.every((word) => all.includes(word));
          });
    const isDown = sort.startsWith('-');
    if (props.isOrdered && sort === '') return found;
    const column = columns.find(({ key }) => key === sort.replace(/^-/, '')) ?? columns[0]!;
    return sorter.current.sort(found, column.value, isDown);
  }, [list.rows, filter, sort, columns, text, props.isOrdered]);

  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => (isPhone ? PHONE_ROW : ROW),
    overscan: 8,
  });

  // Rows are drawn anew only where they have changed: what they call is always the same.
  const now = useRef({ rows, virtual, navigate, href });
  now.current = { rows, virtual, navigate, href };
  const open = useCallback((row: R): void => {
    const { navigate, href } = now.current;
    if (href) navigate(href(row));
  }, []);
  const move = useCallback((row: R, step: 1 | -1): void => {
    const { rows, virtual } = now.current;
    const index = rows.findIndex(({ id }) => id === row.id) + step;
    virtual.scrollToIndex(index);
    requestAnimationFrame(() =>
      scroller.current?.querySelector<HTMLElement>(`[data-index="${index}"]`)?.focus(),
    );
  }, []);

  if (list.error) return <Failed title={`Cannot show ${label}`} message={list.error} />;
  if (list.isLoading)
    return (
      <Stack gap="xs" aria-busy="true" aria-label={`${label} are being loaded`}>
        {[0, 1, 2].map((each) => (
          <Skeleton key={each} height={ROW - 8} />
        ))}
      </Stack>
    );

  const template = columns.map(({ width }) => width).join(' ');

  return (
    <Stack gap="xs">
      <Group gap="xs" wrap="wrap">
        <TextInput
          ref={search}
          aria-label={`Search in ${label}`}
          placeholder="Search ( / )"
          value={filter}
          onChange={(event) => set('q', event.currentTarget.value)}
          size="xs"
          w={{ base: '100%', xs: 220 }}
        />
        {tools}
        <Text size="xs" c="dimmed" aria-live="polite">
          {filter ? `${rows.length} of ${list.rows.length}` : `${list.rows.length}`}
        </Text>
      </Group>
      {list.rows.length === 0 ? (
        <div>{empty}</div>
      ) : rows.length === 0 ? (
        <Group gap="xs">
          <Text size="sm">
            No {label} match “{filter}”.
          </Text>
          <Button size="compact-xs" variant="default" onClick={() => set('q', '')}>
            Clear
          </Button>
        </Group>
      ) : (
        <div
          ref={scroller}
          className="dt"
          role="table"
          aria-label={label}
          aria-rowcount={rows.length + 1}
          style={props.height ? { maxHeight: props.height } : undefined}
        >
          <div className="dt-head" role="row" aria-rowindex={1} style={{ gridTemplateColumns: template }}>
            {columns.map(({ key, title }) => {
              const direction = sort === key ? 'ascending' : sort === `-${key}` ? 'descending' : undefined;
              return (
                <div key={key} role="columnheader" aria-sort={direction}>
                  {title && (
                    <UnstyledButton
                      className="dt-sort"
                      onClick={() => set('sort', sort === key ? `-${key}` : key)}
                    >
                      {title}
                      {direction && (direction === 'ascending' ? ' ↑' : ' ↓')}
                    </UnstyledButton>
                  )}
                </div>
              );
            })}
          </div>
          <div className="dt-body" role="rowgroup" style={{ height: virtual.getTotalSize() }}>
            {virtual.getVirtualItems().map((item) => {
              const row = rows[item.index]!;
              return (
                <DataRow
                  key={row.id}
                  row={row}
                  index={item.index}
                  start={item.start}
                  height={item.size}
                  columns={columns as unknown as AnyColumns}
                  template={template}
                  hasPage={href !== undefined}
                  open={open as (row: AnyRow) => void}
                  move={move as (row: AnyRow, step: 1 | -1) => void}
                />
              );
            })}
          </div>
        </div>
      )}
    </Stack>
  );
}

interface AnyRow {
  id: string;
}
type AnyColumns = ReadonlyArray<Column<AnyRow>>;

interface RowProps {
  row: AnyRow;
  index: number;
  start: number;
  height: number;
  columns: AnyColumns;
  template: string;
  hasPage: boolean;
  open: (row: AnyRow) => void;
  move: (row: AnyRow, step: 1 | -1) => void;
}

const STEPS: Readonly<Record<string, 1 | -1>> = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 };

const DataRow = memo(function DataRow(props: RowProps) {
  const { row, index, start, height, columns, template, hasPage, open, move } = props;
  const press = (event: KeyboardEvent<HTMLDivElement>): void => {
    if (event.target !== event.currentTarget) return;
    if (event.key === 'Enter') open(row);
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    move(row, step);
  };
  return (
    <div
      className="dt-row"
      role="row"
      tabIndex={0}
      aria-rowindex={index + 2}
      data-index={index}
      data-link={hasPage}
      data-row={row.id}
      style={{ height, transform: `translateY(${start}px)`, gridTemplateColumns: template }}
      onKeyDown={press}
      onClick={(event) => {
        const isOnControl = (event.target as HTMLElement).closest(
          'a, button, input, [role=menu], [role=menuitem]',
        );
        if (!isOnControl && !getSelection()?.toString()) open(row);
      }}
    >
      {columns.map(({ key, value, cell, phone }) => (
        <div key={key} className="dt-cell" role="cell" data-phone={phone} data-cell={key}>
          {cell ? cell(row) : value(row)}
        </div>
      ))}
    </div>
  );
});
