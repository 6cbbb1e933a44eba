/** Lines over time. Loaded when it is needed. */
import 'uplot/dist/uPlot.min.css';
import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef } from 'react';
import Uplot from 'uplot';
import type { Columns } from '../format/plot.ts';

interface Props {
  label: string;
  columns: Columns;
  names: readonly string[];
  text: (value: number) => string;
}

/** Told apart by being drawn through or dashed as well. */
const LINES = {
  light: ['#1864ab', '#9c4100'],
  dark: ['#74c0fc', '#ffc078'],
};
const HEIGHT = 180;

export default function Plot({ label, columns, names, text }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<Uplot>(undefined);
  const scheme = useComputedColorScheme('light');
  // biome-ignore lint/correctness/useExhaustiveDependencies: further points are put into the plot that is there
  useEffect(() => {
    const ink = scheme === 'dark' ? '#c1c2c5' : '#495057';
    const grid = { stroke: scheme === 'dark' ? '#373a40' : '#dee2e6', width: 1 };
    const element = place.current!;
    const made = new Uplot(
      {
        width: element.clientWidth || 300,
        height: HEIGHT,
        legend: { show: names.length > 1 },
        cursor: { drag: { x: false, y: false } },
        axes: [
          { stroke: ink, grid, ticks: grid },
          { stroke: ink, grid, ticks: grid, size: 76, values: (_, ticks) => ticks.map(text) },
        ],
        scales: { y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 1] } },
        series: [
          {},
          ...names.map((name, index) => ({
            label: name,
            stroke: LINES[scheme][index],
            width: 1.5,
            dash: index === 1 ? [6, 3] : [],
            value: (_: Uplot, value: number | null) => (value === null ? '–' : text(value)),
          })),
        ],
      },
      columns,
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [scheme]);
  useEffect(() => plot.current?.setData(columns), [columns]);
  return <div ref={place} role="img" aria-label={label} />;
}
