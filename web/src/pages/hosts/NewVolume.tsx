/** A volume on all hosts, or some: of the driver local with options, as for NFS, or of another driver. */
import { Text, Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import { pairsOf, volumeCommand } from '../../format/volume.ts';
import { NameField } from '../../parts/fields.tsx';
import { AskEverywhere } from '../../parts/Outcomes.tsx';

export function NewVolume({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('');
  const [driver, setDriver] = useState('local');
  const [typed, setTyped] = useState('');
  const options = pairsOf(typed);
  return (
    <AskEverywhere
      title="New volume"
      action="Create"
      command={volumeCommand(name, driver, options)}
      request={(nodes) => ({
        method: 'POST',
        path: '/essaim/volumes/create',
        body: { name, driver, options, nodes },
      })}
      onClose={onClose}
    >
      <Text size="sm">
        Services make volumes that they mention by themselves, on the hosts where their tasks are.
      </Text>
      <NameField value={name} onChange={setName} />
      <TextInput label="Driver" value={driver} onChange={(event) => setDriver(event.currentTarget.value)} />
      <Textarea
        label="Options of the driver"
        description="NAME=value in each line. NFS: type=nfs, o=addr=10.0.0.9,rw and device=:/srv/data"
        autosize
        minRows={2}
        value={typed}
        spellCheck={false}
        onChange={(event) => setTyped(event.currentTarget.value)}
      />
    </AskEverywhere>
  );
}
