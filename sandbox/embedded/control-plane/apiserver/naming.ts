const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** A random suffix of letters that spell no words. */
export function randomSuffix(length = 5): string {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  let text = '';
  for (const byte of bytes) text += alphabet[byte % alphabet.length];
  return text;
}

/** A name from `metadata.generateName`, at most 63 characters. */
export const generateName = (prefix: string): string => prefix.slice(0, 58) + randomSuffix();
