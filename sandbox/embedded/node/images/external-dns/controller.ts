import type { ContainerProcess } from '../image.ts';
import { domainFilter, domainRules } from './domain-filter.ts';
import { distinctTargets, type Endpoint, endpointsForHostname, endpointText } from './endpoint.ts';
import type { Flags } from './flags.ts';
import { Fatal, type Log } from './log.ts';
import { hasChanges, planChanges } from './plan.ts';
import { type Provider, SoftError } from './provider.ts';
import type { Registry } from './registry.ts';
import type { Source } from './sources/source.ts';

export interface ControllerOptions {
  process: ContainerProcess;
  flags: Flags;
  log: Log;
  sources: Source[];
  provider: Provider;
  registry: Registry;
  /** What was done, for metrics. */
  onRun?: (outcome: { registry: number; source: number }) => void;
}

export interface Controller {
  /** One round. Rejects with what it failed by. */
  runOnce(): Promise<void>;
  /** Rounds, by interval and at changes, until the signal; rejects with {@link Fatal}. */
  run(signal: AbortSignal): Promise<void>;
}

/** Brings a zone to what the cluster's objects ask for. https://kubernetes-sigs.github.io/external-dns/v0.20.0/ */
export function createController(options: ControllerOptions): Controller {
  const { process, flags, log, sources, provider, registry } = options;
  const { clock } = process.container;
  const own = domainFilter(domainRules(flags));
  const served = domainFilter(provider.domains);
  const excluded = flags.list('exclude-record-types');
  const managed = flags.list('managed-record-types').filter((type) => !excluded.includes(type));

  async function wanted(): Promise<Endpoint[]> {
    const found: Endpoint[] = [];
    log.debug('dedupSource: collecting endpoints and removing duplicates');
    log.debug(`multiSource: collecting endpoints from ${sources.length} child sources and removing duplicates`);
    for (const source of sources) found.push(...withDefaults(await source.endpoints()));
    const seen = new Set<string>();
    return found.filter((endpoint) => {
      if (endpoint.targets.length > 1) endpoint.targets = distinctTargets(endpoint.targets);
      const { recordType, dnsName, setIdentifier, targets } = endpoint;
      const key = [recordType, dnsName, setIdentifier, targets.join(';')].join('/');
      if (seen.has(key)) log.debug(`Removing duplicate endpoint ${endpointText(endpoint)}`);
      return !seen.has(key) && Boolean(seen.add(key));
    });
  }

  function withDefaults(endpoints: Endpoint[]): Endpoint[] {
    const targets = flags.list('default-targets');
    if (targets.length === 0) return endpoints;
    return endpoints.flatMap((endpoint) => {
      const { dnsName, recordType, recordTTL: ttl, providerSpecific, setIdentifier, labels } = endpoint;
      if (endpoint.targets.length > 0 && !flags.is('force-default-targets')) {
        log.warn(
          `Source provided targets for ${JSON.stringify(dnsName)} (${recordType}), ignoring default targets [${targets.join(', ')}] due to new behavior. Use --force-default-targets to revert to old behavior.`,
        );
        return [endpoint];
      }
      const made = endpointsForHostname(dnsName, { targets, ttl, providerSpecific, setIdentifier, resource: '' }, log);
      return made.map((one) => ({ ...one, labels }));
    });
  }

  async function runOnce(): Promise<void> {
    const current = await registry.records();
    const found = await wanted();
    const desired = await provider.adjust(found).catch((error: Error) => {
      throw error instanceof SoftError ? error : new Error(`adjusting endpoints: ${error.message}`);
    });
    options.onRun?.({ registry: current.length, source: found.length });
    const changes = planChanges({
      current,
      desired,
      policy: flags.text('policy'),
      matches: (name) => own(name) && served(name),
      managed,
      owner: registry.owner,
      oldOwner: flags.text('migrate-from-txt-owner'),
      log,
    });
    if (!hasChanges(changes)) log.info('All records are already up to date');
    // A dry run does not concern providers over HTTP, which the real one forgets to tell.
    else await registry.apply(changes);
  }

  return {
    runOnce,
    async run(signal) {
      let wake: () => void = () => {};
      let changed = false;
      if (flags.is('events'))
        for (const source of sources)
          source.watch(() => {
            changed = true;
            wake();
          });
      const rest = (milliseconds: number, wakeful: boolean): Promise<void> =>
        new Promise((resolve) => {
          const timer = clock.after(milliseconds, done);
          function done(): void {
            timer.cancel();
            signal.removeEventListener('abort', done);
            wake = () => {};
            resolve();
          }
          if (wakeful) wake = done;
          signal.addEventListener('abort', done);
        });
      let softErrors = 0;
      while (!signal.aborted) {
        changed = false;
        const begun = clock.monotonic();
        try {
          await runOnce();
          if (softErrors > 0) log.info(`Reconciliation succeeded after ${softErrors} consecutive soft errors`);
          softErrors = 0;
        } catch (error) {
          if (signal.aborted) break;
          const { message } = error as Error;
          if (!(error instanceof SoftError)) throw new Fatal(`Failed to do run once: ${message}`);
          softErrors += 1;
          log.error(`Failed to do run once: ${message} (consecutive soft errors: ${softErrors})`);
        }
        const least = begun + flags.duration('min-event-sync-interval');
        const next = begun + flags.duration('interval') - clock.monotonic();
        if (!changed && !signal.aborted) await rest(Math.max(0, next), true);
        // The real one then waits five seconds more; here a learner sees the record at once.
        const early = least - clock.monotonic();
        if (changed && early > 0 && !signal.aborted) await rest(early, false);
      }
      log.info('Terminating main controller loop');
    },
  };
}
