/** Ctrl-K: whatever is typed, found among places, objects and things to do. Loaded when it is first opened. */
import '../more.ts';
import { Combobox, Kbd, Modal, Table, Text, TextInput, useCombobox } from '@mantine/core';
import { useEffect, useMemo, useState } from 'react';
import { useLocation } from 'wouter';
import { changeNode, restart, scale } from '../api/actions.ts';
import { useList } from '../api/live.ts';
import { GO_KEYS } from '../format/keys.ts';
import { type Deed, type Entry, found, type Known } from '../format/palette.ts';
import { NAVIGATION } from '../pages.tsx';
import { doing } from './doing.tsx';
import { useRights } from './who.ts';

export default function Palette({ isHelp, onClose }: { isHelp: boolean; onClose: () => void }) {
  return (
    <Modal
      opened
      onClose={onClose}
      title={isHelp ? 'Keys' : 'Go to, or do'}
      closeButtonProps={{ 'aria-label': 'Close' }}
      size="lg"
    >
      {isHelp ? <Keys /> : <Search onClose={onClose} />}
    </Modal>
  );
}

function Search({ onClose }: { onClose: () => void }) {
  const known = useKnown();
  const [typed, setTyped] = useState('');
  const [, navigate] = useLocation();
  const combobox = useCombobox({ opened: true });
  const entries = useMemo(() => found(typed, known), [typed, known]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: with other entries the first one is chosen
  useEffect(() => void combobox.selectFirstOption(), [entries]);
  const choose = (key: string): void => {
    const entry = entries.find((each) => each.key === key);
    if (!entry) return;
    onClose();
    if (entry.deed.do === 'go') navigate(entry.deed.to);
    else void carryOut(entry.title, entry.deed);
  };
  return (
    <Combobox store={combobox} onOptionSubmit={choose}>
      <Combobox.EventsTarget>
        <TextInput
          data-autofocus
          aria-label="What to go to, or to do"
          placeholder="web · scale web 9 · logs db · drain node2"
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          onKeyDown={({ key }) => {
            // Whoever types fast is there before the first one is marked.
            const isMarked = combobox.getSelectedOptionIndex() >= 0;
            if (key === 'Enter' && !isMarked && entries[0]) choose(entries[0].key);
          }}
        />
      </Combobox.EventsTarget>
      <Combobox.Options mt="xs" mah="50dvh" className="palette" aria-label="What was found">
        {entries.map((entry) => (
          <Option key={entry.key} entry={entry} />
        ))}
        {entries.length === 0 && <Combobox.Empty>Nothing is called “{typed}”.</Combobox.Empty>}
      </Combobox.Options>
    </Combobox>
  );
}

function Option({ entry: { key, title, hint } }: { entry: Entry }) {
  return (
    <Combobox.Option value={key}>
      {title}{' '}
      <Text span size="xs" c="inherit">
        {hint}
      </Text>
    </Combobox.Option>
  );
}

function carryOut(title: string, deed: Exclude<Deed, { do: 'go' }>): Promise<boolean> {
  return doing(title, async () => {
    switch (deed.do) {
      case 'scale': {
        const before = await scale(deed.service, deed.replicas);
        return {
          done: `${deed.name}: ${deed.replicas} wanted`,
          command: `docker service scale ${deed.name}=${deed.replicas}`,
          undo: () => scale(deed.service, before),
        };
      }
      case 'restart':
        await restart(deed.service);
        return {
          done: `${deed.name}: its tasks are being replaced`,
          command: `docker service update --force ${deed.name}`,
        };
      case 'availability': {
        const set = (Availability: string) => changeNode(deed.node, (spec) => ({ ...spec, Availability }));
        await set(deed.to);
        return {
          done: `${deed.name} is ${deed.to === 'drain' ? 'being drained' : 'active'}`,
          command: `docker node update --availability ${deed.to} ${deed.name}`,
          undo: () => set(deed.to === 'drain' ? 'active' : 'drain'),
        };
      }
    }
  });
}

function useKnown(): Known {
  const rights = useRights();
  const services = useList('services').rows;
  const stacks = useList('stacks').rows;
  const nodes = useList('nodes').rows;
  const tasks = useList('tasks').rows;
  const networks = useList('networks').rows;
  const configs = useList('configs').rows;
  const secrets = useList('secrets').rows;
  // biome-ignore lint/correctness/useExhaustiveDependencies: rights are those of the account
  return useMemo(
    () => ({
      ...{ services, stacks, nodes, tasks },
      places: NAVIGATION.filter(({ needs }) => needs === undefined || rights[needs]),
      named: [
        ...networks.map((row) => ({ kind: 'network' as const, row })),
        ...configs.map((row) => ({ kind: 'config' as const, row })),
        ...secrets.map((row) => ({ kind: 'secret' as const, row })),
      ],
      mayChange: rights.change,
      mayOperate: rights.operate,
    }),
    [services, stacks, nodes, tasks, networks, configs, secrets, rights.account],
  );
}

function Keys() {
  const keys: Array<[string[], string]> = [
    [['Ctrl', 'K'], 'go to something, or do something'],
    [['/'], 'search in the table'],
    [['j'], 'the next row'],
    [['k'], 'the row before'],
    [['Enter'], 'open the row'],
    ...NAVIGATION.flatMap(({ path, title }): Array<[string[], string]> => {
      const key = Object.entries(GO_KEYS).find(([, to]) => to === path)?.[0];
      return key ? [[['g', key], title]] : [];
    }),
    [['?'], 'this list'],
  ];
  return (
    <Table aria-label="Keys">
      <Table.Tbody>
        {keys.map(([names, what]) => (
          <Table.Tr key={what}>
            <Table.Td>
              {names.map((name) => (
                <Kbd key={name} mr={4}>
                  {name}
                </Kbd>
              ))}
            </Table.Td>
            <Table.Td>{what}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
