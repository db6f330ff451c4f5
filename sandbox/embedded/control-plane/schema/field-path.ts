import type { Schema } from '../../../../kubernetes/facts.ts';

/** A field that a path names, or why it names none. */
export type FieldAt = { path: string; root: string; schema: Schema } | { error: string };

/** Reads `.spec.size` or `.spec['a.b']` against a schema; in the words of Kubernetes where it leads nowhere. */
export function fieldAt(text: string, start: Schema, brackets = true): FieldAt {
  let schema = start;
  let path = '';
  let root = '';
  const tokens = text.match(/'(?:[^'\\]|\\.)*'|[.[\]]|[^.[\]']+/g) ?? [];
  let next = 0;
  const enter = (name: string): string => {
    if (schema.properties) {
      const property = schema.properties[name];
      if (!property) return 'does not refer to a valid field';
      schema = property;
      path += path ? `.${name}` : name;
    } else if (typeof schema.additionalProperties === 'object') {
      schema = schema.additionalProperties;
      path += `[${name}]`;
    } else return 'does not refer to a valid field';
    root ||= name;
    return '';
  };
  while (next < tokens.length) {
    const token = tokens[next++];
    let name = tokens[next++];
    if (token !== '.' && token !== '[') return { error: `expected [ or . but got: ${token}` };
    if (token === '[' && !brackets) return { error: 'array notation is not allowed' };
    if (name === undefined) return { error: 'unexpected end of JSON path' };
    if (token === '[') {
      if (!/^'.*'$/s.test(name)) return { error: `expected single quoted string but got ${name}` };
      name = name.slice(1, -1).replace(/\\(.)/g, '$1');
    }
    const fault = enter(name);
    if (fault) return { error: fault };
    if (token !== '[') continue;
    const close = tokens[next++];
    if (close === undefined) return { error: 'unexpected end of JSON path' };
    if (close !== ']') return { error: `expected ] but got ${close}` };
  }
  return { path, root, schema };
}
