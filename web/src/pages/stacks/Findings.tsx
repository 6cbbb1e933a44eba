/** What was found in the files of a stack: what is wrong, where; the variables that they name. */
import { Badge, Group, Stack, Text } from '@mantine/core';
import type { Checked } from '../../../../src/ui/protocol.ts';

export function Findings({ of: { problems, variables } }: { of: Checked }) {
  return (
    <>
      {problems.length > 0 && (
        <Stack gap={4} aria-label="Problems" role="status">
          {problems.map((problem) => (
            <Text
              key={JSON.stringify(problem)}
              size="sm"
              className="problem"
              c={problem.severity === 'error' ? 'red.9' : undefined}
            >
              {problem.severity === 'error' ? '▲' : '○'} {problem.file}, line {problem.line}, column{' '}
              {problem.column}: {problem.message}
            </Text>
          ))}
        </Stack>
      )}
      {variables.length > 0 && (
        <Group gap="xs" aria-label="Variables">
          <Text size="sm">Variables:</Text>
          {variables.map(({ name, isSet, fallback }) => (
            <Badge
              key={name}
              variant="outline"
              tt="none"
              color={isSet || fallback !== undefined ? 'gray' : 'red'}
            >
              {isSet
                ? `${name} ✓`
                : fallback === undefined
                  ? `${name} missing`
                  : `${name} = ${fallback || 'empty'}`}
            </Badge>
          ))}
        </Group>
      )}
    </>
  );
}
