import { spawn } from 'node:child_process';
import path from 'node:path';
import { fetchTools } from '../../../sandbox/tools/tools.ts';
import { packCharts } from '../chart-repository.ts';
import { ROOT, say, TOOLS } from '../project.ts';
import { buildSite } from '../site-build.ts';
import { findChromium } from '../testing/chromium.ts';

/** `atelier bench [PART…] [--json]`: sets up what is missing, measures, prints each figure beside its anchor. */
export async function bench(args: string[]): Promise<void> {
  const tools = await fetchTools(TOOLS, say);
  await buildSite();
  await packCharts(tools, path.join(ROOT, '.atelier', 'charts'));
  const chromium = await findChromium(process.env, say);
  // What is measured must not reach a cluster of whoever runs it; ATELIER_REAL_CLUSTER names one on purpose.
  const { KUBECONFIG: _, ...rest } = process.env;
  const env = {
    ...rest,
    ATELIER_KUBECTL: tools.kubectl,
    ...(chromium && { ATELIER_CHROMIUM: chromium }),
  };
  const main = path.join(ROOT, 'tests/bench/main.ts');
  const child = spawn(process.execPath, [...process.execArgv, main, ...args], { stdio: 'inherit', cwd: ROOT, env });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  process.exitCode = await new Promise<number>((resolve) => child.on('exit', (code) => resolve(code ?? 1)));
}
