/** Fields that several dialogs have. */
import { PasswordInput, type PasswordInputProps, TextInput, type TextInputProps } from '@mantine/core';

type Taken = 'value' | 'onChange';

interface Value {
  value: string;
  onChange: (value: string) => void;
}

/** What something is to be called: the first thing that is typed. */
export function NameField({ value, onChange, ...rest }: Omit<TextInputProps, Taken> & Value) {
  return (
    <TextInput
      label="Name"
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      data-autofocus
      {...rest}
    />
  );
}

interface PasswordProps extends Omit<PasswordInputProps, Taken>, Value {
  /** Within a sentence: `the new password`. */
  what?: string;
}

/** A password, which may be looked at. */
export function PasswordField({ what = 'the password', value, onChange, ...rest }: PasswordProps) {
  return (
    <PasswordInput
      label="Password"
      value={value}
      autoComplete="new-password"
      onChange={(event) => onChange(event.currentTarget.value)}
      visibilityToggleButtonProps={{ 'aria-label': `Show ${what}` }}
      {...rest}
    />
  );
}
