import { expect, test } from 'vitest';
import { MAP, readView, SPLIT, writeView } from '../../../../src/layouts/view.ts';

test('what is written is read again', () => {
  const view = { theme: 'dark', bench: 'light', split: 45.5, map: 30, stage: true } as const;
  expect(readView(writeView(view))).toEqual(view);
});

test('a hidden map stays hidden', () => {
  expect(readView('map=0').map).toBe(0);
});

test.each([undefined, '', 'theme=pink&split=x&map=y', '%%%'])('a cookie of %j gives the usual page', (text) => {
  expect(readView(text)).toEqual({ theme: 'auto', bench: 'dark', split: SPLIT.usual, map: MAP.usual, stage: false });
});

test('no width leaves one of the two unusable', () => {
  expect(readView('split=1&map=99')).toMatchObject({ split: SPLIT.least, map: MAP.most });
});
