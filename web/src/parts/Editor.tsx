/** A text editor for YAML and the like, with what is wrong marked where it is. Loaded when it is needed. */
import { yaml } from '@codemirror/lang-yaml';
import { defaultHighlightStyle, HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { type Diagnostic, setDiagnostics } from '@codemirror/lint';
import { Compartment, EditorState } from '@codemirror/state';
import { EditorView, keymap } from '@codemirror/view';
import { useComputedColorScheme } from '@mantine/core';
import { basicSetup } from 'codemirror';
import { useEffect, useRef } from 'react';
import { nonce } from '../nonce.ts';

export interface Mark {
  line: number;
  column: number;
  severity: 'error' | 'warning';
  message: string;
}

interface Props {
  label: string;
  /** Another one begins another text. */
  name: string;
  value: string;
  marks: readonly Mark[];
  /** Absent: it can only be read. */
  onChange?: (value: string) => void;
  onSave: () => void;
  onDeploy: () => void;
}

const darkColors = HighlightStyle.define(
  defaultHighlightStyle.specs.map((spec) => ({ ...spec, color: spec.color && '#a5d8ff' })),
);
const look = (isDark: boolean) => [
  EditorView.theme(
    {
      '&': { fontSize: '0.85rem', border: '1px solid var(--mantine-color-default-border)' },
      '.cm-scroller': {
        fontFamily: 'var(--mantine-font-family-monospace)',
        minHeight: '20rem',
        maxHeight: '60dvh',
      },
      '.cm-gutters': {
        background: 'var(--mantine-color-default-hover)',
        color: 'var(--mantine-color-dimmed)',
      },
      '.cm-content': { caretColor: 'var(--mantine-color-text)' },
      '.cm-tooltip': { background: 'var(--mantine-color-body)', color: 'var(--mantine-color-text)' },
    },
    { dark: isDark },
  ),
  syntaxHighlighting(isDark ? darkColors : defaultHighlightStyle),
];

function handled(work: () => void): boolean {
  work();
  return true;
}

export default function Editor({ label, name, value, marks, onChange, onSave, onDeploy }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const now = useRef({ value, onChange, onSave, onDeploy });
  now.current = { value, onChange, onSave, onDeploy };
  const isDark = useComputedColorScheme() === 'dark';

  // biome-ignore lint/correctness/useExhaustiveDependencies: another name is another editor; the rest is read as it is then
  useEffect(() => {
    const theme = new Compartment();
    const made = new EditorView({
      parent: place.current!,
      state: EditorState.create({
        doc: now.current.value,
        extensions: [
          keymap.of([
            { key: 'Mod-s', run: () => handled(now.current.onSave) },
            { key: 'Mod-Enter', run: () => handled(now.current.onDeploy) },
          ]),
          basicSetup,
          theme.of(look(isDark)),
          EditorView.cspNonce.of(nonce),
          EditorState.readOnly.of(now.current.onChange === undefined),
          EditorView.contentAttributes.of({ 'aria-label': label }),
          EditorView.updateListener.of(({ docChanged, state }) => {
            if (docChanged) now.current.onChange?.(state.doc.toString());
          }),
          ...(/\.ya?ml$/.test(name) ? [yaml()] : []),
        ],
      }),
    });
    view.current = made;
    return () => made.destroy();
  }, [name, isDark]);

  useEffect(() => {
    const editor = view.current;
    // What was read from elsewhere in the meantime.
    if (editor && editor.state.doc.toString() !== value)
      editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
  }, [value]);

  useEffect(() => {
    const editor = view.current;
    if (!editor) return;
    const { doc } = editor.state;
    const diagnostics = marks
      .filter(({ line }) => line <= doc.lines)
      .map(({ line, column, severity, message }): Diagnostic => {
        const at = doc.line(line);
        const from = Math.min(at.from + column - 1, at.to);
        return { from, to: at.to, severity, message };
      })
      .sort((a, b) => a.from - b.from);
    editor.dispatch(setDiagnostics(editor.state, diagnostics));
  }, [marks]);

  return <div ref={place} className="editor" />;
}
