/** Something the person can mend: printed as one sentence, without a stack. */
export class UserError extends Error {
  readonly exitCode: 1 | 2;
  /** @param exitCode 2 for what was asked wrongly, 1 for what could not be done */
  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.name = 'UserError';
    this.exitCode = exitCode;
  }
}
