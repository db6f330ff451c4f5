import path from 'node:path';
import { fetchTools } from '../../../sandbox/tools/tools.ts';
import { UserError } from '../../server/user-error.ts';
import { packCharts } from '../chart-repository.ts';
import { ROOT, say, TOOLS } from '../project.ts';
import { buildSite } from '../site-build.ts';
import { findChromium } from '../testing/chromium.ts';
import { verify as runVerify, SUITES } from '../testing/suites.ts';

/** How far above its budget a suite may be before the run fails: the machine is shared. */
const TOLERANCE = 1.2;

/** `atelier test [SUITE…]`: sets up what is missing, runs the suites, ends with the counts. */
export async function test(args: string[]): Promise<void> {
  const unknown = args.find((name) => !SUITES.some((suite) => suite.name === name));
  if (unknown) {
    throw new UserError(`there is no suite ${unknown}: choose from ${SUITES.map(({ name }) => name).join(', ')}.`, 2);
  }
  const chosen = SUITES.filter(({ name }) => args.length === 0 || args.includes(name));
  const tools = await fetchTools(TOOLS, say);
  await buildSite();
  await packCharts(tools, path.join(ROOT, '.atelier', 'charts'));
  const chromium = chosen.some(({ name }) => name === 'e2e') ? await findChromium(process.env, say) : undefined;
  // What tests do must not reach a cluster of whoever runs them.
  const { KUBECONFIG: _cluster, ATELIER_TOOLS: _tools, ...rest } = process.env;
  const env = {
    ...rest,
    PATH: `${tools.directory}${path.delimiter}${process.env.PATH}`,
    ATELIER_KUBECTL: tools.kubectl,
    ATELIER_HELM: tools.helm,
    ...(chromium && { ATELIER_CHROMIUM: chromium }),
  };
  const total = { passed: 0, failed: 0 };
  const lines: string[] = [];
  for (const suite of chosen) {
    if (suite.name === 'e2e' && !chromium) {
      total.failed++;
      lines.push('e2e: not run: no Chromium; install one, or name it with ATELIER_CHROMIUM');
      continue;
    }
    say(`\n— ${suite.name}`);
    const began = performance.now();
    const counts = await suite.run(env);
    const seconds = (performance.now() - began) / 1000;
    const slow = seconds > suite.budget * TOLERANCE;
    total.passed += counts.passed;
    total.failed += counts.failed + (slow ? 1 : 0);
    lines.push(
      `${suite.name}: ${counts.passed} passed, ${counts.failed} failed,${counts.skipped ? ` ${counts.skipped} skipped,` : ''} ${seconds.toFixed(0)} s of ${suite.budget}${slow ? ': too slow' : ''}`,
    );
  }
  process.stdout.write(`\n${lines.join('\n')}\n${total.passed} passed, ${total.failed} failed\n`);
  if (total.failed > 0) process.exitCode = 1;
}

/** `atelier verify`: types, lint, format, unused code. */
export async function verify(): Promise<void> {
  const { failed } = await runVerify(process.env);
  if (failed > 0) process.exitCode = 1;
}
