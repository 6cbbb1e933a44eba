/** The logs of as many services as one likes, in one view. Which ones stands in the address. */
import { MultiSelect, Text } from '@mantine/core';
import { useMemo } from 'react';
import { useSearchParams } from 'wouter';
import { useList } from '../../api/live.ts';
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
      {chosen.length === 0 ? (
        <Text size="sm">
          {services.rows.length === 0 && !services.isLoading
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
  const { rows, isLoading } = useList('services', { stack });
  const ids = rows
    .map(({ id }) => id)
    .sort()
    .slice(0, MOST);
  if (isLoading || ids.length === 0) return null;
  return <ServicesLog ids={ids} of={stack} />;
}

function ServicesLog({ ids, of }: { ids: readonly string[]; of: string }) {
  const channel = `logs?${new URLSearchParams(ids.map((id) => ['service', id]))}`;
  return <LogView key={channel} channel={channel} of={of} />;
}
