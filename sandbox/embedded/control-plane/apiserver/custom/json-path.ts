import type { Loose } from '../../../../../kubernetes/object.ts';

type Step = (values: Loose[]) => Loose[];

/**
 * The simple JSONPath of printer columns and selectable fields: `.spec.size`, `.status.conditions[?(@.type=="Ready")].status`,
 * `[0]`, `['a.b']`, `[*]`. What it does not read finds nothing.
 */
export function compilePath(text: string): (object: Loose) => Loose[] {
  const steps = parse(text.replace(/^\{|\}$/g, ''));
  return (object) => steps.reduce((values, step) => step(values), [object]);
}

function parse(text: string): Step[] {
  const steps: Step[] = [];
  const token =
    /\.?([\w$-]+(?:\\\.[\w$-]+)*)|\[\?\(@\.([\w.-]+)\s*==\s*(?:"([^"]*)"|'([^']*)')\)\]|\[(-?\d+)\]|\[\*\]|\['([^']*)'\]|\["([^"]*)"\]/y;
  while (token.lastIndex < text.length) {
    const found = token.exec(text);
    if (!found) return [() => []];
    const [whole, name, filter, double, single, index, quoted, doubleQuoted] = found;
    const key = quoted ?? doubleQuoted ?? name?.replaceAll('\\.', '.');
    if (key !== undefined)
      steps.push((values) => values.flatMap((value) => (value?.[key] === undefined ? [] : [value[key]])));
    else if (filter !== undefined) {
      const wanted = double ?? single;
      const read = compilePath(`.${filter}`);
      steps.push((values) =>
        values.flatMap((value) => items(value).filter((item) => String(read(item)[0]) === wanted)),
      );
    } else if (index !== undefined)
      steps.push((values) => values.flatMap((value) => items(value).slice(Number(index)).slice(0, 1)));
    else if (whole === '[*]') steps.push((values) => values.flatMap(items));
    if (token.lastIndex === text.length) break;
  }
  return steps;
}

const items = (value: Loose): Loose[] =>
  Array.isArray(value) ? value : value && typeof value === 'object' ? Object.values(value) : [];
