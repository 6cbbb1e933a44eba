/** Does what was asked for, and says what came of it; where it can be undone, offers that for a while. */
import { Button, Group, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { RequestError } from '../api/http.ts';
import { Command } from './Ask.tsx';

/** How long something can be undone, ms. */
const UNDO = 10_000;

interface Told {
  /** What has been done: “web has 5 replicas now”. */
  done: string;
  undo?: () => Promise<unknown>;
  /** The same as a command: of what is done without a question before. */
  command?: string;
}

/** Never rejects. Returns whether it was done. */
export async function doing(what: string, work: () => Promise<Told | string>): Promise<boolean> {
  try {
    const told = await work();
    const { done, undo, command }: Told = typeof told === 'string' ? { done: told } : told;
    const id = notifications.show({
      message: (
        <>
          <Group gap="xs">
            <Text size="sm">{done}</Text>
            {undo && (
              <Button
                size="compact-xs"
                variant="default"
                onClick={() => {
                  notifications.hide(id);
                  void doing(`undo: ${what}`, async () => {
                    await undo();
                    return `Undone: ${what}`;
                  });
                }}
              >
                Undo
              </Button>
            )}
          </Group>
          {command && <Command text={command} />}
        </>
      ),
      color: 'teal',
      autoClose: undo || command ? UNDO : 4_000,
    });
    return true;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const next =
      error instanceof RequestError && error.status === 403
        ? ' An administrator can change what you may do.'
        : '';
    notifications.show({
      title: `Not done: ${what}`,
      message: reason + next,
      color: 'red',
      autoClose: 12_000,
    });
    return false;
  }
}
