import { en } from './en.ts';
import { fr } from './fr.ts';
import type { Messages } from './messages.ts';

export const LANGUAGES = ['en', 'fr'] as const;
export type Language = (typeof LANGUAGES)[number];

const MESSAGES: Record<Language, Messages> = { en, fr };

export function isLanguage(text: string | undefined): text is Language {
  return text === 'en' || text === 'fr';
}

export function messages(language: Language): Messages {
  return MESSAGES[language];
}

/** The language a browser asks for by `Accept-Language` (RFC 9110, 12.5.4); English where it asks for none of ours. */
export function preferredLanguage(acceptLanguage: string | null): Language {
  const wishes = (acceptLanguage ?? '')
    .split(',')
    .map((wish) => {
      const [tag = '', ...parameters] = wish.trim().split(';');
      const quality = parameters.map((text) => /^\s*q=([\d.]+)/.exec(text)?.[1]).find((text) => text !== undefined);
      return { language: tag.toLowerCase().split('-')[0], quality: quality === undefined ? 1 : Number(quality) };
    })
    .filter((wish) => wish.quality > 0)
    .sort((a, b) => b.quality - a.quality);
  for (const { language } of wishes) {
    if (isLanguage(language)) return language;
    if (language === '*') return 'en';
  }
  return 'en';
}

/** The same page in another language. */
export function pathIn(path: string, language: Language): string {
  return path.replace(/^\/(en|fr)(?=\/|$)/, `/${language}`);
}
