/** A question before something is done. Where data can be lost, the name has to be typed. */
import { Button, Code, CopyButton, Group, Modal, Stack, TextInput } from '@mantine/core';
import { type FormEvent, type ReactNode, useState } from 'react';

interface Props {
  title: string;
  children?: ReactNode;
  /** What the button says. */
  action: string;
  color?: string;
  /** To be typed. */
  name?: string;
  /** The same as a command. */
  command: string;
  /** Where there is more to be read. */
  isWide?: boolean;
  /** Returns whether it was done. */
  onDo: () => Promise<boolean> | boolean;
  onClose: () => void;
}

export function Ask(props: Props) {
  const { title, children, action, color = 'honey', name, command, isWide, onDo, onClose } = props;
  const [typed, setTyped] = useState('');
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (name !== undefined && typed !== name) return;
    setBusy(true);
    const isDone = await onDo();
    setBusy(false);
    if (isDone) onClose();
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={title}
      size={isWide ? 'xl' : 'md'}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form onSubmit={(event) => void submit(event)}>
        <Stack gap="sm">
          {children}
          {name !== undefined && (
            <TextInput
              label={`Type ${name} to go on`}
              value={typed}
              onChange={(event) => setTyped(event.currentTarget.value)}
              data-autofocus
            />
          )}
          <Command text={command} />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button
              type="submit"
              color={color}
              loading={busy}
              disabled={name !== undefined && typed !== name}
            >
              {action}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

/** A command that does the same, to be copied. */
export function Command({ text }: { text: string }) {
  return (
    <Group gap="xs" wrap="nowrap" align="flex-start">
      <Code block style={{ flex: 1, whiteSpace: 'pre-wrap' }} aria-label="The same as a command">
        {text}
      </Code>
      <CopyButton value={text}>
        {({ copied, copy }) => (
          <Button size="compact-xs" variant="default" onClick={copy}>
            {copied ? 'Copied' : 'Copy'}
          </Button>
        )}
      </CopyButton>
    </Group>
  );
}
