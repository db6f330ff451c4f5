import { labelValue, qualifiedName } from './names.ts';
import type { Loose } from './object.ts';

/** https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors */
export interface Requirement {
  key: string;
  operator: '=' | '==' | '!=' | 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt';
  values: string[];
}

export interface FieldTerm {
  field: string;
  equal: boolean;
  value: string;
}

/** Throws an Error with the parser's own sentence. An empty text selects everything. */
export function parseLabelSelector(text: string): Requirement[] {
  const tokens = lex(text);
  let position = 0;
  const peek = (): string => tokens[position] ?? '';
  const next = (): string => tokens[position++] ?? '';
  const requirements: Requirement[] = [];
  for (;;) {
    const first = peek();
    if (first === '') return requirements;
    if (first !== '!' && !isWord(first))
      throw new Error(`found '${first}', expected: !, identifier, or 'end of string'`);
    try {
      requirements.push(parseRequirement(next, peek));
    } catch (error) {
      throw new Error(`unable to parse requirement: ${(error as Error).message}`);
    }
    const after = next();
    if (after === '') return requirements;
    if (after !== ',') throw new Error(`found '${after}', expected: ',' or 'end of string'`);
    if (peek() !== '!' && !isWord(peek())) throw new Error(`found '${peek()}', expected: identifier after ','`);
  }
}

const operators = ['in', 'notin', '=', '==', '!=', 'gt', 'lt'];

function parseRequirement(next: () => string, peek: () => string): Requirement {
  let key = next();
  const absent = key === '!';
  if (absent) key = next();
  if (!isWord(key)) throw new Error(`found '${key}', expected: identifier`);
  const faults = qualifiedName(key);
  if (faults.length > 0) throw new Error(`<nil>: Invalid value: ${JSON.stringify(key)}: ${faults.join('; ')}`);
  if (absent) return { key, operator: '!', values: [] };
  if (peek() === '' || peek() === ',') return { key, operator: 'exists', values: [] };
  const symbol = next();
  const operator = symbol === '>' ? 'gt' : symbol === '<' ? 'lt' : (symbol as Requirement['operator']);
  if (!operators.includes(operator)) throw new Error(`found '${symbol}', expected: ${operators.join(', ')}`);
  const values = operator === 'in' || operator === 'notin' ? parseValues(next, peek) : [parseValue(next, peek)];
  const requirement = { key, operator, values: [...new Set(values)].sort() };
  const problems = faultsOf(requirement);
  if (problems.length > 0) throw new Error(problems.length === 1 ? problems[0] : `[${problems.join(', ')}]`);
  return requirement;
}

function faultsOf({ key, operator, values }: Requirement): string[] {
  const faults: string[] = [];
  for (const [index, value] of values.entries()) {
    if ((operator === 'gt' || operator === 'lt') && !isInteger(value)) {
      const sentence = "for 'Gt', 'Lt' operators, the value must be an integer";
      faults.push(`values[${index}]: Invalid value: ${JSON.stringify(value)}: ${sentence}`);
    }
  }
  for (const [index, value] of values.entries()) {
    const wrong = labelValue(value);
    if (wrong.length > 0)
      faults.push(`values[${index}][${key}]: Invalid value: ${JSON.stringify(value)}: ${wrong.join('; ')}`);
  }
  return faults;
}

const isInteger = (value: string): boolean => /^[+-]?\d{1,18}$/.test(value);

function parseValue(next: () => string, peek: () => string): string {
  if (peek() === '' || peek() === ',') return '';
  const value = next();
  if (!isWord(value)) throw new Error(`found '${value}', expected: identifier`);
  return value;
}

function parseValues(next: () => string, peek: () => string): string[] {
  const open = next();
  if (open !== '(') throw new Error(`found '${open}' expected: '('`);
  if (peek() === ')') {
    next();
    return [''];
  }
  if (peek() !== ',' && !isWord(peek())) throw new Error(`found '${peek()}', expected: ',', ')' or identifier`);
  const values: string[] = [];
  for (;;) {
    const token = next();
    if (isWord(token)) {
      values.push(token);
      if (peek() === ')') break;
      if (peek() !== ',') throw new Error(`found '${peek()}', expected: ',' or ')'`);
    } else if (token === ',') {
      if (values.length === 0 || peek() === ',') values.push('');
      if (peek() === ')') {
        values.push('');
        break;
      }
    } else {
      throw new Error(`found '${token}', expected: ',', or identifier`);
    }
  }
  next();
  return values;
}

/** Keywords are words too: `in` may be a key. */
const isWord = (token: string): boolean => token !== '' && !/^[=!(),<>]/.test(token);

/** Tokens in order; a run of symbols that is none is kept whole, as the parser's error shows it. */
function lex(text: string): string[] {
  return text.match(/==|!=|[=!(),<>]|[^\s=!(),<>]+/g) ?? [];
}

export function matchLabels(requirements: Requirement[], labels: Record<string, string> = {}): boolean {
  return requirements.every((requirement) => matchOne(requirement, labels));
}

function matchOne({ key, operator, values }: Requirement, labels: Record<string, string>): boolean {
  const present = Object.hasOwn(labels, key);
  const value = labels[key] ?? '';
  switch (operator) {
    case '=':
    case '==':
    case 'in':
      return present && values.includes(value);
    case '!=':
    case 'notin':
      return !present || !values.includes(value);
    case 'exists':
      return present;
    case '!':
      return !present;
    case 'gt':
      return present && isInteger(value) && BigInt(value) > BigInt(values[0]!);
    case 'lt':
      return present && isInteger(value) && BigInt(value) < BigInt(values[0]!);
  }
}

const texts: Record<Requirement['operator'], (key: string, values: string) => string> = {
  '=': (key, value) => `${key}=${value}`,
  '==': (key, value) => `${key}==${value}`,
  '!=': (key, value) => `${key}!=${value}`,
  gt: (key, value) => `${key}>${value}`,
  lt: (key, value) => `${key}<${value}`,
  in: (key, values) => `${key} in (${values})`,
  notin: (key, values) => `${key} notin (${values})`,
  exists: (key) => key,
  '!': (key) => `!${key}`,
};

export function formatLabelSelector(requirements: Requirement[]): string {
  return requirements.map(({ key, operator, values }) => texts[operator](key, [...values].sort().join(','))).join(',');
}

/** A LabelSelector object (matchLabels, matchExpressions) as requirements; null selects nothing, `{}` everything. */
export function selectorRequirements(selector: Loose): Requirement[] | null {
  if (!selector) return null;
  const requirements: Requirement[] = Object.entries<string>(selector.matchLabels ?? {}).map(([key, value]) => ({
    key,
    operator: '=',
    values: [value],
  }));
  const names = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!' } as const;
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const known = names[operator as keyof typeof names];
    if (!known) throw new Error(`${JSON.stringify(operator ?? '')} is not a valid label selector operator`);
    requirements.push({ key, operator: known, values: values ?? [] });
  }
  return requirements.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

/** Whether a LabelSelector object selects these labels. */
export function selects(selector: Loose, labels: Record<string, string> | undefined): boolean {
  const requirements = selectorRequirements(selector);
  return requirements !== null && matchLabels(requirements, labels);
}

/** What `kubectl get -o wide` shows of a LabelSelector object: `app=web,tier in (a,b)`; `<none>` for all. */
export function formatSelector(selector: Loose): string {
  const requirements = selectorRequirements(selector);
  if (!requirements) return '<none>';
  return formatLabelSelector(requirements) || '<none>';
}

/** Throws an Error with the parser's own sentence. https://kubernetes.io/docs/concepts/overview/working-with-objects/field-selectors/ */
export function parseFieldSelector(text: string): FieldTerm[] {
  const terms: FieldTerm[] = [];
  const parts = (text.match(/(?:\\[\s\S]|[^,\\]|\\$)+/g) ?? []).sort();
  for (const part of parts) {
    const match = /^([\s\S]*?)(!=|==|=)([\s\S]*)$/.exec(part);
    if (!match) throw new Error(`invalid selector: '${text}'; can't understand '${part}'`);
    terms.push({ field: match[1]!, equal: match[2] !== '!=', value: unescaped(match[3]!) });
  }
  return terms;
}

function unescaped(text: string): string {
  return text.replace(/\\([\s\S]?)|[,=]/g, (found, escaped: string | undefined) => {
    if (escaped === undefined)
      throw new Error(`invalid field selector: unescaped character in value: ${found.codePointAt(0)}`);
    if (!['\\', ',', '='].includes(escaped))
      throw new Error(`invalid field selector: invalid escape sequence: ${found}`);
    return escaped;
  });
}

/** `value` gives the text of a field; a field nobody knows has been refused before. */
export function matchFields(terms: FieldTerm[], value: (field: string) => string): boolean {
  return terms.every((term) => (value(term.field) === term.value) === term.equal);
}

export function formatFieldSelector(terms: FieldTerm[]): string {
  return terms
    .map(({ field, equal, value }) => `${field}${equal ? '=' : '!='}${value.replace(/[\\,=]/g, '\\$&')}`)
    .join(',');
}
