import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pairsOf, volumeCommand } from './volume.ts';

test('a volume’s options, as lines and as a command', () => {
  const options = pairsOf(' type=nfs\n\no=addr=10.0.0.9,rw \ndevice=:/srv/my data\nro');
  assert.deepEqual(options, { type: 'nfs', o: 'addr=10.0.0.9,rw', device: ':/srv/my data', ro: '' });
  assert.equal(
    volumeCommand('data', 'local', options),
    "docker volume create --opt type=nfs --opt o=addr=10.0.0.9,rw --opt 'device=:/srv/my data' --opt ro= data",
  );
  assert.equal(volumeCommand('', 'flocker', {}), 'docker volume create --driver flocker NAME');
});
