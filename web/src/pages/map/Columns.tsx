/** The map itself: a column for each node, a tile for each task; colour by service, edge by state. */
import './map.css';
import { Group, Skeleton, Text } from '@mantine/core';
import { useMemo } from 'react';
import { Link } from 'wouter';
import { useList } from '../../api/live.ts';
import { type Column, columnsOf, MOST_TILES, type Tile } from '../../format/map.ts';
import { counted } from '../../format/size.ts';
import { nodeTone, SHAPE } from '../../format/state.ts';
import { Failed } from '../../parts/Failed.tsx';
import { Sign } from '../../parts/Sign.tsx';

/** `isWall`: on a screen where nobody clicks. */
export function Columns({ words, isWall }: { words: string; isWall?: true }) {
  const places = useList('places');
  const tiles = useList('tiles');
  const columns = useMemo(() => columnsOf(places.rows, tiles.rows, words), [places.rows, tiles.rows, words]);
  const error = places.error ?? tiles.error;
  if (error) return <Failed title="The map cannot be shown" message={error} />;
  if (places.isLoading || tiles.isLoading)
    return <Skeleton height={240} aria-label="The map is being loaded" />;
  if (places.rows.length === 0) return <Text>No node has joined yet.</Text>;
  const isDense = columns.reduce((sum, column) => sum + column.tiles.length, 0) > MOST_TILES;
  return (
    <div className="map">
      {columns.map((column) => (
        <Node key={column.id} column={column} isDense={isDense} isWall={isWall === true} />
      ))}
    </div>
  );
}

function Node({ column, isDense, isWall }: { column: Column; isDense: boolean; isWall: boolean }) {
  const { name, place, tiles } = column;
  const word =
    place && (place.availability === 'active' ? place.state : `${place.state}, ${place.availability}`);
  return (
    <section className="map-column" aria-label={name} data-node={name} data-state={place?.state}>
      <Group gap="xs" justify="space-between">
        <Text size="sm" fw={600}>
          {place && !isWall ? (
            <Link href={`/nodes/${place.id}`} style={{ color: 'inherit' }}>
              {name}
            </Link>
          ) : (
            name
          )}
        </Text>
        {place && <Sign tone={nodeTone(place)} word={word!} />}
      </Group>
      <Text size="xs" c="dimmed">
        {counted(tiles.length, 'task')}
      </Text>
      <ul className="map-tiles" data-dots={isDense}>
        {tiles.map((tile) => (
          <li key={tile.id}>
            <Task tile={tile} isWall={isWall} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Task({ tile: { id, name, state, tone, colour, isLost }, isWall }: { tile: Tile; isWall: boolean }) {
  const props = {
    className: 'map-tile',
    style: { background: `var(--tile-${colour})` },
    title: `${name}: ${state}`,
    'data-tone': tone,
    'data-lost': isLost,
  };
  const text = (
    <>
      {tone !== 'good' && <span aria-hidden="true">{SHAPE[tone]} </span>}
      {name}
      {tone !== 'good' && `: ${state}`}
    </>
  );
  if (isWall) return <span {...props}>{text}</span>;
  return (
    <Link href={`/tasks/${id}`} {...props}>
      {text}
    </Link>
  );
}
