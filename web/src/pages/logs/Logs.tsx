/** The logs of as many services as one likes, in one view. Which ones stands in the address. */
import { MultiSelect, Skeleton, Text } from '@mantine/core';
import { useMemo } from 'react';
import { useSearchParams } from 'wouter';
import { useList } from '../../api/live.ts';
import { Failed } from '../../parts/Failed.tsx';
import { LogView } from '../../parts/LogView.tsx';
import { Page } from '../../parts/Page.tsx';

/** As many as the server puts together. */
const MOST = 50;

export function Logs() {
  const services = useList('services');
  const [params, setParams] = useSearchParams();
  const chosen = params.getAll('service');
  const data = useMemo(
    () => services.rows.map(({ id, name }) => ({ value: id, label: name })),
    [services.rows],
  );
  return (
    <Page title="Logs">
      <MultiSelect
        label="Services"
        placeholder={chosen.length === 0 ? 'one or more' : undefined}
        searchable
        clearable
        maxValues={MOST}
        data={data}
        value={chosen}
        onChange={(ids) =>
          setParams(new URLSearchParams(ids.map((id) => ['service', id])), { replace: true })
        }
        clearButtonProps={{ 'aria-label': 'None of them' }}
      />
      {services.error ? (
        <Failed title="The services cannot be shown" message={services.error} />
      ) : services.isLoading ? (
        <Skeleton height={120} aria-label="The services are being loaded" />
      ) : chosen.length === 0 ? (
        <Text size="sm">
          {services.rows.length === 0
            ? 'No service runs here yet.'
            : 'Choose the services whose logs are shown.'}
        </Text>
      ) : (
        <ServicesLog ids={chosen} of="the services" />
      )}
    </Page>
  );
}

/** Of one stack, all of them. */
export function StackLogs({ stack }: { stack: string }) {
  const { rows, isLoading, error } = useList('services', { stack });
  const ids = rows
    .map(({ id }) => id)
    .sort()
    .slice(0, MOST);
  if (error) return <Failed title="The services cannot be shown" message={error} />;
  if (isLoading) return <Skeleton height={120} aria-label="The services are being loaded" />;
  if (ids.length === 0) return <Text size="sm">The stack has no service.</Text>;
  return <ServicesLog ids={ids} of={stack} />;
}

function ServicesLog({ ids, of }: { ids: readonly string[]; of: string }) {
  const channel = `logs?${new URLSearchParams(ids.map((id) => ['service', id]))}`;
  return <LogView key={channel} channel={channel} of={of} />;
}
