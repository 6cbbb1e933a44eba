/** A terminal joined to a program in a container. Loaded when it is needed. */
import '@xterm/xterm/css/xterm.css';
import { Button, Group } from '@mantine/core';
import { FitAddon } from '@xterm/addon-fit';
import { Terminal as Xterm } from '@xterm/xterm';
import { useEffect, useRef, useState } from 'react';
import type { ConsoleMessage } from '../../../src/ui/protocol.ts';
import { EXTRA_KEYS, withCtrl } from '../format/terminal-keys.ts';

export type ConsoleState = { is: 'opening' | 'open' | 'broken' } | { is: 'over'; why: string };

interface Props {
  container: string;
  /** Where it is, if it is no task's. */
  node?: string;
  user: string;
  /** Empty: a shell. */
  command: readonly string[];
  onState: (state: ConsoleState) => void;
}

/** How long a broken connection is tried to be made again, ms. */
const PATIENCE = 55_000;

/** A console that this tab has left a moment ago is taken up again. */
const kept = (container: string): string => `console ${container}`;

export default function Terminal({ container, node, user, command, onState }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const shown = useRef<Xterm>(undefined);
  // The next character that is typed is one with Ctrl.
  const ctrl = useRef(false);
  const [isCtrl, showCtrl] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each console is begun once
  useEffect(() => {
    const terminal = new Xterm({
      cursorBlink: true,
      fontFamily: 'ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace',
      fontSize: 14,
      scrollback: 5_000,
      theme: { background: '#101113', foreground: '#f1f3f5' },
      screenReaderMode: false,
    });
    shown.current = terminal;
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    terminal.open(place.current!);
    fit.fit();
    terminal.focus();
    let socket: WebSocket | undefined;
    let isOver = false;
    let brokenAt = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;

    const over = (why: string): void => {
      isOver = true;
      sessionStorage.removeItem(kept(container));
      onState({ is: 'over', why });
    };
    const connect = (): void => {
      const resume = sessionStorage.getItem(kept(container));
      const query = new URLSearchParams(
        resume ? { resume } : { container, cols: String(terminal.cols), rows: String(terminal.rows) },
      );
      if (!resume && node) query.set('node', node);
      if (!resume && user) query.set('user', user);
      if (!resume) for (const word of command) query.append('command', word);
      const made = new WebSocket(`wss://${location.host}/essaim/console?${query}`);
      made.binaryType = 'arraybuffer';
      socket = made;
      let isFirst = true;
      made.onmessage = ({ data }) => {
        if (typeof data !== 'string') {
          // What was written before a break is told again from the beginning of what is kept.
          if (isFirst && resume) terminal.reset();
          isFirst = false;
          terminal.write(new Uint8Array(data as ArrayBuffer));
          return;
        }
        const message = JSON.parse(data) as ConsoleMessage;
        if ('id' in message) {
          brokenAt = 0;
          sessionStorage.setItem(kept(container), message.id);
          made.send(JSON.stringify({ resize: { cols: terminal.cols, rows: terminal.rows } }));
          onState({ is: 'open' });
        } else if ('error' in message) over(message.error);
        else over(exitWords(message.exit));
      };
      made.onclose = () => {
        if (isOver || socket !== made) return;
        brokenAt ||= Date.now();
        if (!sessionStorage.getItem(kept(container)) || Date.now() - brokenAt > PATIENCE) {
          over('the connection is gone');
          return;
        }
        // What cannot be taken up any more is begun anew.
        if (resume && isFirst && Date.now() - brokenAt > 3_000) sessionStorage.removeItem(kept(container));
        onState({ is: 'broken' });
        timer = setTimeout(connect, 1_000);
      };
    };
    const bytes = new TextEncoder();
    terminal.onData((typed) => {
      const data = ctrl.current ? withCtrl(typed) : typed;
      ctrl.current = false;
      showCtrl(false);
      if (socket?.readyState === WebSocket.OPEN) socket.send(bytes.encode(data));
    });
    terminal.onResize(({ cols, rows }) => {
      if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ resize: { cols, rows } }));
    });
    const observer = new ResizeObserver(() => fit.fit());
    observer.observe(place.current!);
    onState({ is: 'opening' });
    connect();
    return () => {
      clearTimeout(timer);
      observer.disconnect();
      const last = socket;
      socket = undefined;
      last?.close();
      terminal.dispose();
    };
  }, []);
  const setCtrl = (isOn: boolean): void => {
    ctrl.current = isOn;
    showCtrl(isOn);
  };
  return (
    <>
      <Group gap={4} hiddenFrom="sm" role="group" aria-label="Keys">
        <Button
          size="xs"
          px="xs"
          variant={isCtrl ? 'filled' : 'default'}
          aria-pressed={isCtrl}
          onClick={() => {
            setCtrl(!isCtrl);
            shown.current?.focus();
          }}
        >
          Ctrl
        </Button>
        {EXTRA_KEYS.map(({ label, name, data }) => (
          <Button
            key={name}
            size="xs"
            px="xs"
            variant="default"
            aria-label={name}
            onClick={() => {
              shown.current?.input(data);
              shown.current?.focus();
            }}
          >
            {label}
          </Button>
        ))}
      </Group>
      <div ref={place} className="terminal" />
    </>
  );
}

function exitWords(code: number): string {
  if (code === 126 || code === 127)
    return `there is no such program in the image (exit code ${code}): images without a shell can be looked at by their logs`;
  return code < 0 ? 'the console has ended' : `the program has ended, exit code ${code}`;
}
