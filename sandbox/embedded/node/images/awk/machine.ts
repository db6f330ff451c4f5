import { openFile } from '../applets/inputs.ts';
import { type AppletCall, UsageError } from '../applets/options.ts';
import type { Output } from '../image.ts';
import { readAll, readLines } from '../process/streams.ts';
import { format } from './format.ts';
import { builtinFunction } from './functions.ts';
import { Memory } from './memory.ts';
import { splitRecords } from './records.ts';
import { Redirections } from './redirections.ts';
import type { AwkProgram, Expression, Statement } from './syntax.ts';
import { arithmetic, fromInput, Jump, type Table, toNumber, toText, toTruth, type Value } from './values.ts';

/** Runs a program over the memory. */
export class Machine extends Memory {
  private readonly call: AppletCall;
  private readonly program: AwkProgram;
  private readonly opened: Redirections;
  private main!: AsyncGenerator<string>;
  private seed = 0.42;

  constructor(call: AppletCall, program: AwkProgram, variables: [string, string][]) {
    super(call.process.env, variables);
    this.call = call;
    this.program = program;
    this.opened = new Redirections(call.process);
  }

  async run(names: string[]): Promise<number> {
    this.arrays.set('ARGV', new Map(['awk', ...names].map((name, index) => [String(index), name])));
    this.globals.set('ARGC', names.length + 1);
    let code = 0;
    const guarded = async (body: () => Promise<void>): Promise<boolean> => {
      try {
        await body();
        return true;
      } catch (error) {
        if (!(error instanceof Jump) || error.to !== 'exit') throw error;
        if (error.value !== '') code = toNumber(error.value);
        return false;
      }
    };
    const { rules } = this.program;
    this.main = this.records(names);
    const going = await guarded(async () => {
      for (const rule of rules) if (rule.when === 'BEGIN' && rule.body) await this.execute(rule.body);
      if (rules.every((rule) => rule.when === 'BEGIN')) return;
      for (let next = await this.main.next(); !next.done; next = await this.main.next()) {
        this.setRecord(next.value);
        await this.applyRules();
      }
    });
    if (going || code === 0)
      await guarded(async () => {
        for (const rule of rules) if (rule.when === 'END' && rule.body) await this.execute(rule.body);
      });
    await this.opened.closeAll();
    return code;
  }

  private async applyRules(): Promise<void> {
    for (const rule of this.program.rules) {
      if (rule.when === 'BEGIN' || rule.when === 'END') continue;
      if (rule.until) {
        if (!rule.active && !toTruth(await this.condition(rule.when as Expression))) continue;
        rule.active = !toTruth(await this.condition(rule.until));
      } else if (rule.when !== 'always' && !toTruth(await this.condition(rule.when))) continue;
      try {
        if (rule.body) await this.execute(rule.body);
        else await this.call.print(this.record + this.text('ORS'));
      } catch (error) {
        if (error instanceof Jump && error.to === 'next') return;
        throw error;
      }
    }
  }

  private async *records(names: string[]): AsyncGenerator<string> {
    const files = names.filter((name) => !/^[A-Za-z_]\w*=/.test(name));
    const list = files.length > 0 ? names : [...names, '-'];
    for (const name of list) {
      const assignment = /^([A-Za-z_]\w*)=([\s\S]*)$/.exec(name);
      if (assignment) {
        this.globals.set(assignment[1] as string, fromInput(assignment[2] as string));
        continue;
      }
      const input = await openFile(this.call, name, '%');
      if (!input) continue;
      this.globals.set('FILENAME', name === '-' ? '' : name);
      this.globals.set('FNR', 0);
      const separator = this.text('RS');
      const lines = separator === '\n' ? readLines(input) : splitRecords((await readAll(input)).toString(), separator);
      for await (const { text } of lines) {
        this.globals.set('NR', this.number('NR') + 1);
        this.globals.set('FNR', this.number('FNR') + 1);
        yield text;
      }
    }
  }

  private async key(keys: Expression[]): Promise<string> {
    const parts = [];
    for (const key of keys) parts.push(toText(await this.evaluate(key), this.text('CONVFMT')));
    return parts.join(this.text('SUBSEP'));
  }

  private async store(target: Expression, value: Value): Promise<Value> {
    if (target.kind === 'field')
      this.setField(toNumber(await this.evaluate(target.index)), toText(value, this.text('CONVFMT')));
    else if (target.kind === 'element') this.table(target.name).set(await this.key(target.keys), value);
    else if (target.kind === 'variable') {
      const frame = this.frames.at(-1);
      if (frame?.has(target.name)) frame.set(target.name, value);
      else {
        this.globals.set(target.name, value);
        if (target.name === 'NF') {
          this.fields.length = Math.max(0, toNumber(value));
          this.fields = Array.from(this.fields, (field) => field ?? '');
          this.record = this.fields.join(this.text('OFS'));
        }
      }
    } else throw new UsageError('cmd. line:1: Assignment to non-variable');
    return value;
  }

  /** A lone regex is a match against the record. */
  private condition(expression: Expression): Promise<Value> {
    return this.evaluate(expression);
  }

  private async evaluate(expression: Expression): Promise<Value> {
    switch (expression.kind) {
      case 'number':
      case 'string':
        return expression.value;
      case 'regex':
        return this.regex(expression.source).test(this.record) ? 1 : 0;
      case 'variable': {
        const local = this.frames.at(-1)?.get(expression.name);
        if (local !== undefined && !(local instanceof Map)) return local;
        return this.globals.get(expression.name) ?? '';
      }
      case 'field': {
        const index = toNumber(await this.evaluate(expression.index));
        return fromInput(index === 0 ? this.record : (this.fields[index - 1] ?? ''));
      }
      case 'element': {
        const table = this.table(expression.name);
        const key = await this.key(expression.keys);
        if (!table.has(key)) table.set(key, '');
        return table.get(key) as Value;
      }
      case 'in':
        return this.table(expression.name).has(await this.key(expression.keys)) ? 1 : 0;
      case 'assign': {
        const value = await this.evaluate(expression.value);
        if (expression.operator === '=') return this.store(expression.target, value);
        const operator = expression.operator.slice(0, -1);
        return this.store(
          expression.target,
          arithmetic(
            operator === '**' ? '^' : operator,
            toNumber(await this.evaluate(expression.target)),
            toNumber(value),
          ),
        );
      }
      case 'step': {
        const before = toNumber(await this.evaluate(expression.target));
        const after = before + (expression.operator === '++' ? 1 : -1);
        await this.store(expression.target, after);
        return expression.prefix ? after : before;
      }
      case 'conditional':
        return this.evaluate(toTruth(await this.evaluate(expression.condition)) ? expression.yes : expression.no);
      case 'unary': {
        const value = await this.evaluate(expression.operand);
        return expression.operator === '!'
          ? toTruth(value)
            ? 0
            : 1
          : expression.operator === '-'
            ? -toNumber(value)
            : toNumber(value);
      }
      case 'binary':
        return this.binary(expression);
      case 'getline':
        return this.getline(expression);
      case 'call':
        return this.invoke(expression.name, expression.args);
    }
  }

  private async binary({ operator, left, right }: Extract<Expression, { kind: 'binary' }>): Promise<Value> {
    if (operator === '&&') return toTruth(await this.evaluate(left)) && toTruth(await this.evaluate(right)) ? 1 : 0;
    if (operator === '||') return toTruth(await this.evaluate(left)) || toTruth(await this.evaluate(right)) ? 1 : 0;
    const a = await this.evaluate(left);
    if (operator === '~' || operator === '!~')
      return (await this.pattern(right)).test(toText(a)) === (operator === '~') ? 1 : 0;
    const b = await this.evaluate(right);
    if (operator === ' ') return toText(a, this.text('CONVFMT')) + toText(b, this.text('CONVFMT'));
    if (!/[<>=]/.test(operator)) return arithmetic(operator, toNumber(a), toNumber(b));
    const texts = typeof a === 'string' || typeof b === 'string';
    // An unset variable compares as a number with a number.
    const loose = (a === '' && typeof b !== 'string') || (b === '' && typeof a !== 'string');
    const [x, y] = texts && !loose ? [toText(a), toText(b)] : [toNumber(a), toNumber(b)];
    const truth = { '<': x < y, '<=': x <= y, '>': x > y, '>=': x >= y, '==': x === y, '!=': x !== y }[operator];
    return truth ? 1 : 0;
  }

  private async pattern(expression: Expression): Promise<RegExp> {
    return this.regex(expression.kind === 'regex' ? expression.source : toText(await this.evaluate(expression)));
  }

  private async getline({ target, source, command }: Extract<Expression, { kind: 'getline' }>): Promise<Value> {
    let text: string | undefined;
    if (!source) {
      const next = await this.main.next();
      text = next.done ? undefined : next.value;
    } else {
      const name = toText(await this.evaluate(source));
      const lines = this.opened.input(name, command);
      if (!lines) return -1;
      const next = await lines.next();
      text = next.done ? undefined : next.value.text;
    }
    if (text === undefined) return 0;
    if (target) await this.store(target, fromInput(text));
    else this.setRecord(text);
    return 1;
  }

  private async invoke(name: string, args: Expression[]): Promise<Value> {
    const own = this.program.functions.get(name);
    if (own) {
      const frame = new Map<string, Value | Table>();
      for (const [index, parameter] of own.parameters.entries()) {
        const argument = args[index];
        const isArray =
          argument?.kind === 'variable' &&
          (this.arrays.has(argument.name) || this.frames.at(-1)?.get(argument.name) instanceof Map);
        frame.set(parameter, argument ? (isArray ? this.table(argument.name) : await this.evaluate(argument)) : '');
      }
      this.frames.push(frame);
      try {
        await this.execute(own.body);
        return '';
      } catch (error) {
        if (error instanceof Jump && error.to === 'return') return error.value;
        throw error;
      } finally {
        this.frames.pop();
      }
    }
    const first = args[0];
    if (name === 'length' && first?.kind === 'variable' && this.arrays.has(first.name))
      return this.table(first.name).size;
    if (name === 'split' && args[1]?.kind === 'variable') {
      const text = toText(await this.evaluate(first as Expression));
      const separator = args[2]
        ? args[2].kind === 'regex'
          ? args[2].source
          : toText(await this.evaluate(args[2]))
        : this.text('FS');
      const parts = args[2]?.kind === 'regex' ? text.split(this.regex(separator)) : this.cut(text, separator);
      const table = this.table(args[1].name);
      table.clear();
      for (const [index, part] of parts.entries()) table.set(String(index + 1), fromInput(part));
      return parts.length;
    }
    if (name === 'sub' || name === 'gsub') return this.substitute(args, name === 'gsub');
    if (name === 'match') {
      const found = (await this.pattern(args[1] as Expression)).exec(toText(await this.evaluate(first as Expression)));
      this.globals.set('RSTART', found ? found.index + 1 : 0);
      this.globals.set('RLENGTH', found ? found[0].length : -1);
      return found ? found.index + 1 : 0;
    }
    const values: Value[] = [];
    for (const argument of args) values.push(await this.evaluate(argument));
    return this.builtin(name, values);
  }

  private async substitute([pattern, replacement, target]: Expression[], everywhere: boolean): Promise<Value> {
    const source = await this.pattern(pattern as Expression);
    const template = toText(await this.evaluate(replacement as Expression));
    const place: Expression = target ?? { kind: 'field', index: { kind: 'number', value: 0 } };
    let count = 0;
    const text = toText(await this.evaluate(place)).replace(
      new RegExp(source.source, everywhere ? 'g' : ''),
      (matched) => {
        count += 1;
        return template.replace(/\\\\&|\\&|&/g, (mark) => (mark === '&' ? matched : '&'));
      },
    );
    if (count > 0) await this.store(place, text);
    return count;
  }

  private async builtin(name: string, values: Value[]): Promise<Value> {
    const value = builtinFunction(name, values, this.record, this.text('CONVFMT'));
    if (value !== undefined) return value;
    const text = toText(values[0] ?? '', this.text('CONVFMT'));
    switch (name) {
      case 'rand':
        this.seed = (this.seed * 16_807.137) % 1;
        return this.seed;
      case 'srand':
        this.seed = values.length > 0 ? Math.abs(Math.sin(toNumber(values[0] ?? 0) + 1)) : Math.random();
        return 0;
      case 'systime':
        return Math.floor(this.call.process.container.clock.now().getTime() / 1000);
      case 'system':
        return this.call.process.spawn({ argv: ['sh', '-c', text] }).exit;
      case 'close':
        return this.opened.close(text);
      case 'fflush':
        return 0;
    }
    throw new UsageError(`cmd. line:1: Call to undefined function`);
  }

  private async output(to: { operator: string; target: Expression } | undefined): Promise<Output> {
    if (!to) return this.call.process.stdout;
    return this.opened.output(toText(await this.evaluate(to.target)), to.operator);
  }

  private async execute(statement: Statement): Promise<void> {
    await this.call.process.breathe();
    switch (statement.kind) {
      case 'block':
        for (const inner of statement.body) await this.execute(inner);
        return;
      case 'expression':
        await this.evaluate(statement.value);
        return;
      case 'print': {
        const values: Value[] = [];
        for (const argument of statement.args) values.push(await this.evaluate(argument));
        const line = statement.format
          ? format(values)
          : (values.length === 0
              ? this.record
              : values.map((value) => toText(value, this.text('OFMT'))).join(this.text('OFS'))) + this.text('ORS');
        await (await this.output(statement.to)).write(line);
        return;
      }
      case 'if':
        if (toTruth(await this.evaluate(statement.condition))) await this.execute(statement.then);
        else if (statement.otherwise) await this.execute(statement.otherwise);
        return;
      case 'while':
        if (statement.after && !(await this.turn(statement.body))) return;
        while (toTruth(await this.evaluate(statement.condition))) if (!(await this.turn(statement.body))) return;
        return;
      case 'for':
        if (statement.start) await this.execute(statement.start);
        while (!statement.condition || toTruth(await this.evaluate(statement.condition))) {
          if (!(await this.turn(statement.body))) return;
          if (statement.step) await this.execute(statement.step);
        }
        return;
      case 'each':
        for (const key of [...this.table(statement.array).keys()]) {
          await this.store({ kind: 'variable', name: statement.name }, fromInput(key));
          if (!(await this.turn(statement.body))) return;
        }
        return;
      case 'delete':
        if (statement.keys) this.table(statement.name).delete(await this.key(statement.keys));
        else this.table(statement.name).clear();
        return;
      case 'jump':
        throw new Jump(statement.to, statement.value ? await this.evaluate(statement.value) : '');
    }
  }

  /** One turn of a loop; false after `break`. */
  private async turn(body: Statement): Promise<boolean> {
    try {
      await this.execute(body);
    } catch (error) {
      if (!(error instanceof Jump) || !['break', 'continue'].includes(error.to)) throw error;
      return error.to === 'continue';
    }
    return true;
  }
}
