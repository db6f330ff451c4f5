/** awk's syntax tree. https://pubs.opengroup.org/onlinepubs/9799919799/utilities/awk.html */
export type Expression =
  | { kind: 'number'; value: number }
  | { kind: 'string'; value: string }
  | { kind: 'regex'; source: string }
  | { kind: 'variable'; name: string }
  | { kind: 'field'; index: Expression }
  | { kind: 'element'; name: string; keys: Expression[] }
  | { kind: 'assign'; operator: string; target: Expression; value: Expression }
  | { kind: 'conditional'; condition: Expression; yes: Expression; no: Expression }
  | { kind: 'binary'; operator: string; left: Expression; right: Expression }
  | { kind: 'unary'; operator: string; operand: Expression }
  | { kind: 'step'; operator: '++' | '--'; prefix: boolean; target: Expression }
  | { kind: 'in'; keys: Expression[]; name: string }
  | { kind: 'call'; name: string; args: Expression[] }
  | { kind: 'getline'; target?: Expression; source?: Expression; command: boolean };

export type Statement =
  | { kind: 'expression'; value: Expression }
  | { kind: 'print'; args: Expression[]; format: boolean; to?: { operator: string; target: Expression } }
  | { kind: 'block'; body: Statement[] }
  | { kind: 'if'; condition: Expression; then: Statement; otherwise?: Statement }
  | { kind: 'while'; condition: Expression; body: Statement; after: boolean }
  | { kind: 'for'; start?: Statement; condition?: Expression; step?: Statement; body: Statement }
  | { kind: 'each'; name: string; array: string; body: Statement }
  | { kind: 'delete'; name: string; keys?: Expression[] }
  | { kind: 'jump'; to: 'next' | 'break' | 'continue' | 'exit' | 'return'; value?: Expression };

export interface Rule {
  when: 'BEGIN' | 'END' | 'always' | Expression;
  until?: Expression;
  body?: Statement;
  active: boolean;
}

interface AwkFunction {
  parameters: string[];
  body: Statement;
}

export interface AwkProgram {
  rules: Rule[];
  functions: Map<string, AwkFunction>;
}
