/** One network: who is on it with which addresses, and whether each host has it as it should. */
import { Stack, Table, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useParams } from 'wouter';
import type { MemberRow, NetworkRow } from '../../../../src/ui/protocol.ts';
import { get } from '../../api/http.ts';
import { useList } from '../../api/live.ts';
import { stackPage } from '../../format/paths.ts';
import { Age } from '../../parts/Age.tsx';
import { Answered } from '../../parts/Answered.tsx';
import { Command } from '../../parts/Ask.tsx';
import { type Column, DataTable } from '../../parts/DataTable.tsx';
import { Fact, Facts } from '../../parts/Facts.tsx';
import { Found } from '../../parts/Found.tsx';
import { Link } from '../../parts/Link.tsx';
import { Page } from '../../parts/Page.tsx';
import { Sign } from '../../parts/Sign.tsx';

const COLUMNS: Array<Column<MemberRow>> = [
  {
    key: 'name',
    title: 'Container',
    width: 'minmax(8rem, 2fr)',
    value: ({ name }) => name,
    cell: ({ task, name }) => (task ? <Link to={`/tasks/${task}`}>{name}</Link> : name),
  },
  {
    key: 'addresses',
    title: 'Addresses',
    width: 'minmax(8rem, 1fr)',
    value: ({ addresses }) => addresses.join(', '),
  },
  {
    key: 'node',
    title: 'Node',
    width: 'minmax(5rem, 1fr)',
    value: ({ nodeName }) => nodeName,
    phone: 'hide',
  },
  { key: 'state', title: 'State', width: '8rem', value: ({ state }) => state, phone: 'hide' },
];

export function Network() {
  const { id = '' } = useParams();
  const is = (row: NetworkRow): boolean => row.id === id || row.name === id;
  return (
    <Found kind="network" name={id} list={useList('networks')} is={is} all="/networks">
      {(network) => <NetworkPage network={network} />}
    </Found>
  );
}

function NetworkPage({ network }: { network: NetworkRow }) {
  const { id, name, driver, subnets, stack } = network;
  const members = useList('members', { network: id });
  const uses = [
    network.encrypted && 'encrypted',
    network.attachable && 'attachable',
    network.internal && 'internal',
  ].filter(Boolean);
  return (
    <Page title={name}>
      <Facts>
        <Fact name="Driver">{[driver, ...uses].join(', ')}</Fact>
        {subnets.length > 0 && <Fact name="Subnets">{subnets.join(', ')}</Fact>}
        {stack && (
          <Fact name="Stack">
            <Link to={stackPage(stack)}>{stack}</Link>
          </Fact>
        )}
        <Fact name="Made">
          <Age of={network.created} ago />
        </Fact>
      </Facts>
      <DataTable
        label="containers on it"
        list={members}
        columns={COLUMNS}
        height="24rem"
        empty={<Text>Nothing is on it.</Text>}
      />
      <Addresses network={network} />
      <Hosts />
      <Command text={`docker network inspect --verbose ${name}`} />
    </Page>
  );
}

interface Verbose {
  Services?: Record<string, { VIP: string }> | null;
}

/** The virtual address of each service, at which it is reached by its name. */
function Addresses({ network: { id, version, services } }: { network: NetworkRow }) {
  const { data } = useQuery({
    queryKey: ['network', id, version, services],
    queryFn: () => get<Verbose>(`/networks/${id}?verbose=true`),
  });
  const known = Object.entries(data?.Services ?? {}).filter(
    ([name, { VIP }]) => name && VIP && VIP !== '<nil>',
  );
  if (known.length === 0) return null;
  return (
    <Stack gap={4}>
      <Title order={2} size="h5">
        Names
      </Title>
      <Table aria-label="Names on it">
        <Table.Tbody>
          {known.map(([name, { VIP }]) => (
            <Table.Tr key={name}>
              <Table.Td>{name}</Table.Td>
              <Table.Td>{VIP}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Stack>
  );
}

interface Check {
  hosts: Array<{
    node: string;
    host: string;
    networks: number;
    differences: string[];
    mended?: number;
    error?: string;
  }>;
}

/** What hosts say of all their networks: an overlay is as good as the hosts that carry it. */
function Hosts() {
  const query = useQuery({
    queryKey: ['networks', 'check'],
    queryFn: () => get<Check>('/essaim/networks/check'),
    refetchInterval: 15_000,
  });
  return (
    <Stack gap={4}>
      <Title order={2} size="h5">
        Networks of each host
      </Title>
      <Answered what="what hosts say" query={query}>
        {({ hosts }) => (
          <Table aria-label="Networks of each host">
            <Table.Tbody>
              {hosts.map(({ node, host, networks, differences, mended = 0, error: why }) => (
                <Table.Tr key={node} data-host={host}>
                  <Table.Td>
                    <Link to={`/nodes/${node}`}>{host}</Link>
                  </Table.Td>
                  <Table.Td>
                    {why ? (
                      <Sign tone="bad" word="unknown" />
                    ) : (
                      <Sign
                        tone={differences.length === 0 ? 'good' : 'bad'}
                        word={differences.length === 0 ? 'as it should be' : 'differs'}
                      />
                    )}
                  </Table.Td>
                  <Table.Td>
                    {why ??
                      (differences.join('; ') ||
                        `${networks} networks${mended > 0 ? `, ${mended} times mended` : ''}`)}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
      </Answered>
    </Stack>
  );
}
