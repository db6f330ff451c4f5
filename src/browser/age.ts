import { say } from '../i18n/say.ts';

export type AgeWords = Record<'justNow' | 'seconds' | 'minutes' | 'hours' | 'days', string>;

/** How long ago, in one unit, as kubectl's AGE column does: `14 s`, `3 min`. Times in milliseconds. */
export function age(since: number, now: number, words: AgeWords): string {
  const seconds = Math.max(0, Math.floor((now - since) / 1000));
  if (seconds < 120) return say(words.seconds, { n: seconds });
  if (seconds < 7200) return say(words.minutes, { n: Math.floor(seconds / 60) });
  if (seconds < 172_800) return say(words.hours, { n: Math.floor(seconds / 3600) });
  return say(words.days, { n: Math.floor(seconds / 86_400) });
}
