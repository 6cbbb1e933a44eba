/** What an update of a service is doing now, task by task, and what it has done. */
import { Progress, Stack, Table, Text } from '@mantine/core';
import type { ServiceRow } from '../../../../src/ui/protocol.ts';
import { useList } from '../../api/live.ts';
import { SHAPE } from '../../format/state.ts';
import { updateView } from '../../format/update.ts';
import { Age } from '../../parts/Age.tsx';
import { Link } from '../../parts/Link.tsx';

export function Timeline({ service }: { service: ServiceRow }) {
  const tasks = useList('tasks', { service: service.id });
  const view = updateView(service, tasks.rows);
  if (!view)
    return <Text size="sm">The service was never updated: its tasks are as they were first asked for.</Text>;
  const share = view.total === 0 ? 100 : (view.replaced / view.total) * 100;
  return (
    <Stack gap="sm">
      <Text size="sm" fw={600} role="status">
        {view.title}: {view.replaced} of {view.total} are as they should be
        {view.failures > 0 && `, ${view.failures} have failed`}
      </Text>
      <Progress value={share} aria-label="How far it is" />
      <Text size="sm" c="dimmed">
        {view.rules}
      </Text>
      {view.now.length > 0 && (
        <Stack gap={2} aria-label="What it is doing">
          {view.now.map((text) => (
            <Text key={text} size="sm">
              ◐ {text}
            </Text>
          ))}
        </Stack>
      )}
      <Table aria-label="Timeline">
        <Table.Tbody>
          {view.steps.map(({ at, tone, text, task }) => (
            <Table.Tr key={`${at} ${text} ${task}`} data-tone={tone}>
              <Table.Td w="9rem">
                <Age of={at} ago />
              </Table.Td>
              <Table.Td>
                <span className="sign">
                  <span data-tone={tone} aria-hidden="true">
                    {SHAPE[tone]}
                  </span>
                </span>{' '}
                {task ? (
                  <Link to={`/tasks/${task}`} c="inherit">
                    {text}
                  </Link>
                ) : (
                  text
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Stack>
  );
}
