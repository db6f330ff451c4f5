import { defineConfig } from 'vitest/config';
import { TEST_ENVIRONMENT } from './tests/environment.ts';

export default defineConfig({
  test: {
    include: ['tests/{unit,parity}/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Two workers on two cores; each file has processes of its own.
    maxWorkers: 2,
    env: TEST_ENVIRONMENT,
    // What is waited for comes when it comes; a second is nothing on a busy machine.
    expect: { poll: { timeout: 10_000, interval: 50 } },
  },
});
