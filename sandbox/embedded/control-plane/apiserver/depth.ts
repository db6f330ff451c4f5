/** How deep Go's JSON decoder goes. */
const deepest = 10_000;

/** The fault of a JSON text that is nested too deeply, in Go's words; undefined for none. */
export function depthFault(text: string): string | undefined {
  if (text.length <= deepest) return undefined;
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === quote) index = endOfString(text, index);
    else if (code === brace || code === bracket) {
      if (++depth > deepest) return `invalid character '${text[index]}' exceeded max depth`;
    } else if (code === closingBrace || code === closingBracket) depth--;
  }
  return undefined;
}

const quote = 0x22;
const backslash = 0x5c;
const [brace, closingBrace, bracket, closingBracket] = [0x7b, 0x7d, 0x5b, 0x5d];

/** Where the string that begins at `start` has its closing quote. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === backslash) escapes++;
    if (escapes % 2 === 0) return end;
  }
  return text.length;
}
