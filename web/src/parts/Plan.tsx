/** What a deployment would change, object by object, field by field. */
import { Stack, Table, Text } from '@mantine/core';
import type { PlanRow } from '../../../src/ui/protocol.ts';
import { changeText, differenceText, planText } from '../format/plan.ts';

interface Props {
  title: string;
  plan: readonly PlanRow[];
  /** It is what differs, and nothing that would be done. */
  isComparison?: boolean;
}

export function Plan({ title, plan, isComparison }: Props) {
  return (
    <Stack gap={4}>
      <Text fw={600} size="sm">
        {title}
      </Text>
      <Table aria-label="Plan">
        <Table.Tbody>
          {plan.map((item) => (
            <Table.Tr key={`${item.kind} ${item.name}`} data-action={item.action}>
              <Table.Td>
                {item.kind} {item.name}
              </Table.Td>
              <Table.Td>{isComparison ? differenceText(item) : planText(item)}</Table.Td>
              <Table.Td>
                {item.changes.map((change) => (
                  <div key={change.field}>{changeText(change)}</div>
                ))}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Stack>
  );
}
