import { chmodSync, mkdirSync, mkdtempSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { socketPath } from '../../../sandbox/socket-path.ts';

const deep = `/${'deep/'.repeat(30)}`;
const temporary = () => mkdtempSync(path.join(tmpdir(), 'atelier-socket-'));
const folderIn = (place: string) => path.join(place, `atelier-${userInfo().uid}`);

test('lies in the folder itself where its path is short enough', () => {
  expect(socketPath('/srv/a')).toBe('/srv/a/control.sock');
});

test('a deep one lies in a private folder, under a name of its own', () => {
  const place = temporary();
  const first = socketPath(deep, place);
  expect(path.dirname(first)).toBe(folderIn(place));
  expect(statSync(folderIn(place)).mode & 0o777).toBe(0o700);
  expect(socketPath(deep, place)).toBe(first);
  expect(socketPath(`${deep}b`, place)).not.toBe(first);
});

test('a folder that others may enter, or a link in its place, is not used', () => {
  const open = temporary();
  mkdirSync(folderIn(open));
  chmodSync(folderIn(open), 0o777);
  expect(() => socketPath(deep, open)).toThrow('open to others');
  const linked = temporary();
  symlinkSync(temporary(), folderIn(linked));
  expect(() => socketPath(deep, linked)).toThrow('open to others');
});
