import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterGreeting } from './connection.ts';

test('what the shell of the user says at login is not part of what a script says', () => {
  assert.equal(afterGreeting('WELCOME\nTTY=none\nessaim: from here on\nactive\n'), 'active\n');
  assert.equal(afterGreeting('essaim: from here on\n'), '');
  assert.equal(
    afterGreeting('This account is currently not available.\n'),
    'This account is currently not available.\n',
  );
});
