/** The cluster at a glance: what is wrong first. */
import { Card, Code, Group, List, Progress, SimpleGrid, Skeleton, Stack, Text } from '@mantine/core';
import { useMemo } from 'react';
import { useList } from '../api/live.ts';
import { deedText } from '../format/activity.ts';
import { bytes, cpus } from '../format/size.ts';
import { nodeTone, serviceTone, serviceWord } from '../format/state.ts';
import { whatIsWrong } from '../format/wrong.ts';
import { Age } from '../parts/Age.tsx';
import { Failed } from '../parts/Failed.tsx';
import { Link } from '../parts/Link.tsx';
import { Page } from '../parts/Page.tsx';
import { Section } from '../parts/Section.tsx';
import { Sign } from '../parts/Sign.tsx';
import { useRights } from '../parts/who.ts';

export function Overview() {
  const services = useList('services');
  const nodes = useList('nodes');
  const stacks = useList('stacks');
  const networks = useList('networks');
  const { operate } = useRights();
  const wrong = useMemo(() => whatIsWrong(services.rows, nodes.rows), [services.rows, nodes.rows]);
  if (services.isLoading || nodes.isLoading)
    return <Skeleton height={240} aria-label="The cluster is being loaded" />;
  const error = services.error ?? nodes.error;
  if (error)
    return (
      <Page title="Overview">
        <Failed title="The cluster cannot be shown" message={error} />
      </Page>
    );
  const running = services.rows.reduce((sum, row) => sum + row.running, 0);
  const updating = services.rows.filter(
    ({ update }) => update?.state === 'updating' || update?.state === 'rollback_started',
  );
  return (
    <Page title="Overview">
      <Section title="Wrong now">
        {wrong.length === 0 ? (
          <Text size="sm">● Nothing: all hosts are there, and every service has what it should.</Text>
        ) : (
          <Stack gap={6}>
            {wrong.map(({ to, what, why }) => (
              <Group key={to + what} gap="xs" wrap="nowrap" align="flex-start">
                <Text size="sm" c="red.9" className="problem" aria-hidden="true">
                  ▲
                </Text>
                <Text size="sm" component="div">
                  <Link to={to}>{what}</Link>
                  {why && `: ${why}`}
                </Text>
              </Group>
            ))}
          </Stack>
        )}
      </Section>
      <SimpleGrid cols={{ base: 2, sm: 5 }}>
        <Tile
          to="/nodes"
          name="Nodes"
          value={`${nodes.rows.filter(({ state }) => state === 'ready').length}/${nodes.rows.length}`}
        />
        <Tile to="/stacks" name="Stacks" value={stacks.rows.length} />
        <Tile to="/services" name="Services" value={services.rows.length} />
        <Tile to="/tasks" name="Running tasks" value={running} />
        <Tile to="/networks" name="Networks" value={networks.rows.length} />
      </SimpleGrid>
      {services.rows.length === 0 && (
        <Section title="How to begin">
          <List size="sm" type="ordered">
            <List.Item>
              Further hosts join with the command that <Link to="/nodes">Nodes</Link> shows.
            </List.Item>
            <List.Item>
              <Link to="/stacks/new">Deploy a stack</Link> from a compose file, or{' '}
              <Code>docker service create …</Code>
            </List.Item>
            <List.Item>
              Others get an account under <Link to="/access">Access</Link>.
            </List.Item>
          </List>
        </Section>
      )}
      <Section title="Hosts">
        <Stack gap="xs">
          {nodes.rows.map((node) => (
            <Group key={node.id} gap="sm" wrap="wrap">
              <Group gap="xs" w={220} wrap="nowrap">
                <Link to={`/nodes/${node.id}`}>{node.name}</Link>
                <Sign tone={nodeTone(node)} word={node.state} />
              </Group>
              <Bar
                name={`Processors reserved on ${node.name}`}
                part={node.reservedCpus}
                of={node.cpus}
                text={`${cpus(node.reservedCpus)} of ${cpus(node.cpus)} processors reserved`}
              />
              <Bar
                name={`Memory reserved on ${node.name}`}
                part={node.reservedMemory}
                of={node.memory}
                text={`${bytes(node.reservedMemory)} of ${bytes(node.memory)} reserved`}
              />
              <Text size="xs">{node.tasks} tasks</Text>
            </Group>
          ))}
        </Stack>
      </Section>
      {updating.length > 0 && (
        <Section title="Updates under way">
          {updating.map((row) => (
            <Group key={row.id} gap="xs">
              <Link to={`/services/${row.id}`}>{row.name}</Link>
              <Sign tone={serviceTone(row)} word={serviceWord(row)} />
              <Text size="sm">
                {row.running}/{row.wanted}
              </Text>
            </Group>
          ))}
        </Section>
      )}
      {operate && <Changes />}
    </Page>
  );
}

function Tile({ to, name, value }: { to: string; name: string; value: string | number }) {
  return (
    <Card withBorder padding="sm">
      <Link to={to} size="xs">
        {name}
      </Link>
      <Text size="xl" fw={700}>
        {value}
      </Text>
    </Card>
  );
}

function Bar({ name, part, of, text }: { name: string; part: number; of: number; text: string }) {
  return (
    <div style={{ width: 170 }}>
      <Progress value={of > 0 ? (100 * part) / of : 0} aria-label={name} color="honey.8" />
      <Text size="xs" c="dimmed">
        {text}
      </Text>
    </div>
  );
}

function Changes() {
  const { rows } = useList('audit');
  const last = useMemo(() => rows.toSorted((a, b) => (a.at < b.at ? 1 : -1)).slice(0, 10), [rows]);
  if (last.length === 0) return null;
  return (
    <Section title="Last changes here">
      <Stack gap={2}>
        {last.map((row) => (
          <Text key={row.id} size="sm">
            {row.actor || 'somebody'} {row.status >= 400 && 'was refused: '}
            {deedText(row)}{' '}
            <Text component="span" size="xs" c="dimmed">
              <Age of={row.at} ago />
            </Text>
          </Text>
        ))}
      </Stack>
    </Section>
  );
}
