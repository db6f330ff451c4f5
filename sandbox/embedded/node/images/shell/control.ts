/** How `break`, `continue`, `return` and `exit` leave what surrounds them. */
export class LoopExit extends Error {
  readonly kind: 'break' | 'continue';
  levels: number;
  constructor(kind: 'break' | 'continue', levels: number) {
    super(kind);
    this.kind = kind;
    this.levels = levels;
  }
}

export class FunctionReturn extends Error {
  readonly code: number;
  constructor(code: number) {
    super('return');
    this.code = code;
  }
}

export class ShellExit extends Error {
  readonly code: number;
  constructor(code: number) {
    super('exit');
    this.code = code;
  }
}

/** A mistake that ends a script, and at a prompt the command only. */
export class ShellFailure extends Error {
  readonly code: number;
  constructor(message: string, code = 2) {
    super(message);
    this.code = code;
  }
}
