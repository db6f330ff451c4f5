import type { Reporter, TestCase } from 'vitest/node';

/** Names the tests that passed on the second try only: a run that needed one says so. */
export default class SecondTries implements Reporter {
  readonly #names: string[] = [];

  onTestCaseResult(test: TestCase): void {
    if (test.diagnostic()?.flaky) this.#names.push(test.fullName);
  }

  onTestRunEnd(): void {
    for (const name of this.#names) process.stdout.write(`passed on the second try only: ${name}\n`);
  }
}
