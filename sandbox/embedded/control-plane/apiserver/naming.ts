const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** A random suffix of letters that spell no words; it is to be new, not secret. */
export function randomSuffix(length = 5): string {
  let text = '';
  while (text.length < length) text += alphabet[Math.floor(Math.random() * alphabet.length)];
  return text;
}

/** A name from `metadata.generateName`, at most 63 characters. */
export const generateName = (prefix: string): string => prefix.slice(0, 58) + randomSuffix();
