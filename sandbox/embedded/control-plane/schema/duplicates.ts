/**
 * Fields that stand twice in one object of a JSON text, as `duplicate field "spec.replicas"`; JSON.parse would keep the last in silence.
 * `text` must be valid JSON; what stands in `unknown` (of {@link decode}) is not looked into.
 */
export function duplicateFields(text: string, unknown: string[] = []): string[] {
  const outside = unknown.map((each) => JSON.parse(each.slice('unknown field '.length)) as string);
  return doubled(text)
    .filter(
      (path) => !outside.some((each) => path === each || path.startsWith(`${each}.`) || path.startsWith(`${each}[`)),
    )
    .map((path) => `duplicate field ${JSON.stringify(path)}`);
}

/** What is unknown and what is doubled, as one comes upon it in the text; `unknown` is of {@link decode}. */
export function inOrder(text: string, unknown: string[]): string[] {
  const known = new Set(duplicateFields(text, unknown));
  const met = new Set<string>();
  const outside = new Set(unknown);
  walkFields(text, (path, again) => {
    const [strange, double] = [`unknown field ${JSON.stringify(path)}`, `duplicate field ${JSON.stringify(path)}`];
    if (outside.has(strange)) met.add(strange);
    else if (again && known.has(double)) met.add(double);
  });
  return [...met, ...unknown.filter((each) => !met.has(each))];
}

function doubled(text: string): string[] {
  const found = new Set<string>();
  walkFields(text, (path, again) => {
    if (again) found.add(path);
  });
  return [...found];
}

/** Tells each field's path, and whether its object has had it before. */
function walkFields(text: string, tell: (path: string, again: boolean) => void): void {
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
      tell(pathOf(), top.keys!.has(key));
      top.keys!.add(key);
    }
  }
}
