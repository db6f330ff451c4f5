import { DELIBERATE } from './deliberate.ts';
import { inPool } from './pool.ts';
import type { Outcome } from './recording.ts';
import { type Cluster, runScenario } from './run.ts';
import type { Scenario } from './scenario.ts';

/** Scenarios at once: they wait more than they work. */
const WIDTH = 8;

/**
 * Runs scenarios, those with most commands first. Those that want a cluster to themselves run one after another on `own`,
 * meanwhile; where there is no second cluster, after all others.
 */
export async function runScenarios(
  clusters: { shared: Cluster; own?: Cluster },
  scenarios: Scenario[],
  done: (scenario: Scenario, outcomes: Outcome[] | Error) => void,
): Promise<void> {
  const longestFirst = scenarios.toSorted((one, other) => other.steps.length - one.steps.length);
  const runOn = (cluster: Cluster) => async (scenario: Scenario) =>
    done(scenario, await runScenario(cluster, scenario).catch((error: Error) => error));
  const alone = longestFirst.filter((scenario) => scenario.alone);
  const together = inPool(
    longestFirst.filter((scenario) => !scenario.alone),
    WIDTH,
    runOn(clusters.shared),
  );
  if (!clusters.own) await together;
  await Promise.all([together, inPool(alone, 1, runOn(clusters.own ?? clusters.shared))]);
}

/** The sentence at the end of a comparison. */
export function figures(what: string, counts: { recorded: number; agreeing: number; explained: number }): string {
  const share = ((100 * counts.agreeing) / Math.max(1, counts.recorded)).toFixed(1);
  const reasons = `${counts.explained} of them but for what is meant to differ (${DELIBERATE.length} reasons, tests/parity/deliberate.ts)`;
  return `parity: ${counts.recorded} ${what} recorded, ${counts.agreeing} agree (${share} %), ${reasons}`;
}
