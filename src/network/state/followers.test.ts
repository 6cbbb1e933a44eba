import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Followers } from './followers.ts';

test('who follows is told of each change once, until it ends that', () => {
  const followers = new Followers<string[]>([]);
  const told: string[][] = [];
  const end = followers.add((value) => told.push(value));
  followers.tell([]);
  followers.tell(['a']);
  followers.tell(['a']);
  assert.ok(followers.know(['a']) && !followers.know([]));
  followers.tell([]);
  end();
  followers.tell(['b']);
  assert.deepEqual(told, [['a'], []]);
});
