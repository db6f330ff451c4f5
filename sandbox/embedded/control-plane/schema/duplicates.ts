/**
 * Fields that stand twice in one object of a JSON text, as `duplicate field "spec.replicas"`; JSON.parse would keep the last in silence.
 * The text must be valid JSON.
 */
export function duplicateFields(text: string): string[] {
  const found = new Set<string>();
  const stack: { path: string; keys: Set<string> | undefined; index: number }[] = [];
  const tokens = /"(?:[^"\\]|\\.)*"|[{}[\]:,]/g;
  let key: string | undefined;
  let expectKey = false;
  const pathOf = (): string => {
    const top = stack.at(-1);
    if (!top) return '';
    if (!top.keys) return `${top.path}[${top.index}]`;
    return top.path ? `${top.path}.${key}` : `${key}`;
  };
  for (let match = tokens.exec(text); match; match = tokens.exec(text)) {
    const token = match[0];
    if (token === '{' || token === '[') {
      stack.push({ path: pathOf(), keys: token === '{' ? new Set() : undefined, index: 0 });
      expectKey = token === '{';
    } else if (token === '}' || token === ']') {
      stack.pop();
      expectKey = false;
    } else if (token === ',') {
      const top = stack.at(-1);
      if (top?.keys) expectKey = true;
      else if (top) top.index++;
    } else if (token !== ':' && expectKey) {
      key = JSON.parse(token) as string;
      expectKey = false;
      const top = stack.at(-1)!;
      if (top.keys!.has(key)) found.add(`duplicate field ${JSON.stringify(pathOf())}`);
      top.keys!.add(key);
    }
  }
  return [...found];
}
