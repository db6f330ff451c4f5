import { describe, expect, test } from 'vitest';
import { en } from '../../../../src/i18n/en.ts';
import { fr } from '../../../../src/i18n/fr.ts';
import { pathIn, preferredLanguage } from '../../../../src/i18n/languages.ts';
import { say } from '../../../../src/i18n/say.ts';

test.each([
  [null, 'en'],
  ['fr-FR,fr;q=0.9,en;q=0.8', 'fr'],
  ['de, en;q=0.5, fr;q=0.7', 'fr'],
  ['fr;q=0, *', 'en'],
  ['de-CH', 'en'],
])('who asks for %s reads %s', (header, language) => {
  expect(preferredLanguage(header)).toBe(language);
});

test('the language switch keeps the lesson', () => {
  expect(pathIn('/en/datalab/raw-jupyter/', 'fr')).toBe('/fr/datalab/raw-jupyter/');
  expect(pathIn('/english/', 'fr')).toBe('/english/');
});

test('a value that is missing is seen', () => {
  expect(say('{done} of {total}', { done: 2 })).toBe('2 of {total}');
});

type Texts = { [key: string]: unknown };
function holes(value: unknown, at = ''): [string, string[]][] {
  if (typeof value === 'string') return [[at, (value.match(/\{\w+\}/g) ?? []).sort()]];
  return Object.entries(value as Texts).flatMap(([key, inner]) => holes(inner, `${at}.${key}`));
}

describe('both languages', () => {
  test('have the same values filled in', () => {
    const unique = (list: [string, string[]][]) => list.map(([key, names]) => [key, [...new Set(names)]]);
    expect(unique(holes(fr))).toEqual(unique(holes(en)));
  });

  test('French keeps its signs from wrapping', () => {
    const texts = JSON.stringify(fr);
    expect(texts).not.toMatch(/ [?!;:»]/);
  });
});
