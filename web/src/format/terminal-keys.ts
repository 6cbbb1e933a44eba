/** Keys that a phone's keyboard has not, as a terminal sends them. */

export interface ExtraKey {
  label: string;
  /** For those who hear it. */
  name: string;
  data: string;
}

export const EXTRA_KEYS: readonly ExtraKey[] = [
  { label: 'Esc', name: 'Esc', data: '\x1b' },
  { label: 'Tab', name: 'Tab', data: '\t' },
  { label: '↑', name: 'Up', data: '\x1b[A' },
  { label: '↓', name: 'Down', data: '\x1b[B' },
  { label: '←', name: 'Left', data: '\x1b[D' },
  { label: '→', name: 'Right', data: '\x1b[C' },
];

/** What is sent for a character that is typed with Ctrl; what has no such form is sent as it is. */
export function withCtrl(data: string): string {
  const code = data.toUpperCase().charCodeAt(0);
  return data.length === 1 && code >= 0x40 && code < 0x60 ? String.fromCharCode(code & 0x1f) : data;
}
