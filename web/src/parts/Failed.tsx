/** What went wrong, why, and what can be done. */
import { Alert, Button, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';

interface Props {
  title: string;
  message: string;
  again?: () => void;
  children?: ReactNode;
}

export function Failed({ title, message, again, children }: Props) {
  return (
    <Alert color="red.9" variant="outline" title={title} role="alert">
      <Stack gap="xs" align="flex-start">
        <Text size="sm" style={{ whiteSpace: 'pre-wrap' }}>
          {message}
        </Text>
        {children}
        {again && (
          <Button size="xs" variant="default" onClick={again}>
            Try again
          </Button>
        )}
      </Stack>
    </Alert>
  );
}
