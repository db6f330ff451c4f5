import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { killRounds } from '../../../soak/kill.ts';

test('ten times kill -9 under load: what was acknowledged or shown is there, the rest wholly or not at all', async () => {
  const home = mkdtempSync(join(tmpdir(), 'atelier-kill-'));
  try {
    const report = await killRounds({ home, rounds: 10, seed: Date.now() % 1e9 });
    expect(report.faults).toEqual([]);
    expect(report.kills.underLoad).toBe(10);
    expect(report.acknowledged).toBeGreaterThan(100);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}, 90_000);
