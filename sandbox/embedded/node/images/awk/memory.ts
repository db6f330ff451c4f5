import { posixRegExp } from '../applets/regular-expression.ts';

import { fromInput, type Table, toNumber, toText, type Value } from './values.ts';

/** What an awk program remembers: variables, arrays, the record and its fields. */
export class Memory {
  protected readonly globals = new Map<string, Value>();
  protected readonly arrays = new Map<string, Table>();
  protected frames: Map<string, Value | Table>[] = [];
  protected fields: string[] = [];
  protected record = '';
  protected readonly patterns = new Map<string, RegExp>();

  constructor(environment: Record<string, string>, variables: [string, string][]) {
    const defaults = {
      FS: ' ',
      OFS: ' ',
      ORS: '\n',
      RS: '\n',
      NR: 0,
      NF: 0,
      FNR: 0,
      SUBSEP: '\x1c',
      CONVFMT: '%.6g',
      OFMT: '%.6g',
      RSTART: 0,
      RLENGTH: -1,
      FILENAME: '',
    };
    for (const [name, value] of Object.entries(defaults)) this.globals.set(name, value);
    for (const [name, value] of variables) this.globals.set(name, fromInput(value));
    this.arrays.set('ENVIRON', new Map(Object.entries(environment).map(([name, value]) => [name, fromInput(value)])));
  }

  protected text(name: string): string {
    return toText(this.globals.get(name) ?? '');
  }

  protected number(name: string): number {
    return toNumber(this.globals.get(name) ?? 0);
  }

  protected regex(source: string): RegExp {
    const known = this.patterns.get(source);
    if (known) return known;
    const made = posixRegExp(source, { extended: true });
    this.patterns.set(source, made);
    return made;
  }

  protected cut(text: string, separator: string): string[] {
    if (separator === ' ') return text.trim() === '' ? [] : text.trim().split(/\s+/);
    if (text === '') return [];
    return separator.length === 1 ? text.split(separator) : text.split(this.regex(separator));
  }

  protected setRecord(text: string): void {
    this.record = text;
    this.fields = this.cut(text, this.text('FS'));
    this.globals.set('NF', this.fields.length);
  }

  protected setField(index: number, text: string): void {
    if (index === 0) {
      this.setRecord(text);
      return;
    }
    while (this.fields.length < index) this.fields.push('');
    this.fields[index - 1] = text;
    this.globals.set('NF', this.fields.length);
    this.record = this.fields.join(this.text('OFS'));
  }

  protected table(name: string): Table {
    const frame = this.frames.at(-1);
    if (frame?.has(name)) {
      const local = frame.get(name);
      if (local instanceof Map) return local;
      const made: Table = new Map();
      frame.set(name, made);
      return made;
    }
    let table = this.arrays.get(name);
    if (!table) {
      table = new Map();
      this.arrays.set(name, table);
    }
    return table;
  }
}
