import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { formatDuration, parseDuration, stamp } from '../durations.ts';
import { about, type Logger } from '../log.ts';
import { isNotFound, type Manager } from '../manager.ts';
import { challenges, isFinal, quote, split } from '../objects.ts';
import type { Accounts } from './accounts.ts';
import type { AcmeClient } from './client.ts';
import { createDnsSolver } from './dns-solver.ts';
import { createHttpSolver } from './http-solver.ts';
import { AcmeProblem, AuthorizationFailed } from './problem.ts';

/** How a challenge is answered. Each throws what goes into the Challenge's reason. */
export interface Solver {
  present(challenge: KubeObject, log: Logger): Promise<void>;
  /** Looks from where it stands whether the world can see the answer. */
  check(challenge: KubeObject, log: Logger): Promise<void>;
  cleanUp(challenge: KubeObject, log: Logger): Promise<void>;
}

const finalizer = 'acme.cert-manager.io/finalizer';
const formerFinalizer = 'finalizer.acme.cert-manager.io';
/** Milliseconds between two self checks: soon at first, while a solver's pod starts; the real program's at last. */
const soonest = 400;
const checkAgain = 10_000;
/** Milliseconds to wait for the server's verdict. */
const verdict = 120_000;

/** Takes Challenges one a domain at a time, presents their answers, and has the server look. */
export function createChallenges(
  manager: Manager,
  accounts: Accounts,
  after: (key: string, milliseconds: number) => void,
) {
  const recorder = manager.recorder('challenges');
  const solvers: Record<string, Solver> = {
    'HTTP-01': createHttpSolver(manager),
    'DNS-01': createDnsSolver(manager),
  };

  async function setFinalizers(challenge: KubeObject, finalizers: string[]): Promise<void> {
    const { name = '', namespace } = challenge.metadata;
    const patch = { metadata: { finalizers: finalizers.length > 0 ? finalizers : null } };
    try {
      manager.informer(challenges).observe(await manager.client.patch(challenges, name, namespace, 'merge', patch));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  /** Cleans up after what is done or deleted. */
  async function finish(challenge: KubeObject, log: Logger): Promise<Loose> {
    const finalizers = challenge.metadata.finalizers ?? [];
    if (!finalizers.includes(finalizer) && !finalizers.includes(formerFinalizer))
      return { presented: false, processing: false };
    try {
      await solvers[challenge.spec.type]?.cleanUp(challenge, log);
    } catch (error) {
      const message = `Error cleaning up challenge: ${(error as Error).message}`;
      void recorder.event(challenge, 'Warning', 'CleanUpError', message);
      log.error('sync.go:285', message, 'error cleaning up challenge');
      throw new Error(message);
    }
    const others = finalizers.filter((one) => one !== finalizer && one !== formerFinalizer);
    await setFinalizers(challenge, others);
    return undefined;
  }

  async function statusOnServer(challenge: KubeObject, client: AcmeClient, log: Logger): Promise<Loose> {
    try {
      const { challenges: all } = await client.authorization(challenge.spec.authorizationURL);
      const own = all.find(({ url }) => url === challenge.spec.url);
      if (!own) throw new Error('challenge was not present in authorization');
      return { state: own.status, reason: own.error?.detail ?? '' };
    } catch (error) {
      return serverFailure(error as Error, log);
    }
  }

  /** What a server's refusal means for a challenge; throws what may pass. */
  function serverFailure(error: Error, log: Logger): Loose {
    if (!(error instanceof AcmeProblem)) {
      if (/dial tcp|EOF|deadline exceeded|i\/o timeout|x509/.test(error.message)) throw error;
      log.error('sync.go:232', error.message, 'unexpected non-ACME API error');
      return { state: 'errored', reason: `unexpected non-ACME API error: ${error.message}` };
    }
    if (error.type === 'urn:ietf:params:acme:error:malformed') return { state: 'expired' };
    if (error.final) return { state: 'errored', reason: `Failed to retrieve Order resource: ${error.message}` };
    throw error;
  }

  /** Milliseconds to wait, and why, before the server is told; undefined when it may look. */
  async function hold(
    challenge: KubeObject,
    status: Loose,
    log: Logger,
  ): Promise<{ wait: number; reason: string } | undefined> {
    const { solver, type } = challenge.spec;
    if (solver.waitInsteadOfSelfCheck) {
      const left = parseDuration(solver.waitInsteadOfSelfCheck) - manager.clock.since(status.presentedAt);
      if (left <= 0) return undefined;
      const reason = `Waiting ${formatDuration(left)} before accepting ${type} challenge without self-check`;
      return { wait: Math.min(left, checkAgain), reason };
    }
    try {
      await solvers[type]?.check(challenge, log);
      return undefined;
    } catch (error) {
      if (manager.signal.aborted) throw error;
      const wait = Math.min(checkAgain, Math.max(soonest, manager.clock.since(status.presentedAt)));
      return { wait, reason: `Waiting for ${type} challenge propagation: ${(error as Error).message}` };
    }
  }

  async function accept(challenge: KubeObject, client: AcmeClient, log: Logger): Promise<Loose> {
    const { url, authorizationURL, dnsName, type } = challenge.spec;
    const own = log.named('acceptChallenge');
    try {
      await client.accept(url);
    } catch (error) {
      const reason = `Error accepting challenge: ${(error as Error).message}`;
      own.error('sync.go:382', (error as Error).message, 'error accepting challenge');
      return { reason, ...serverFailure(error as Error, own) };
    }
    try {
      const { status } = await client.waitForAuthorization(authorizationURL, verdict);
      const told = `Domain ${quote(dnsName)} verified with ${quote(type)} validation`;
      void recorder.event(challenge, 'Normal', 'DomainVerified', told);
      return { state: status, reason: 'Successfully authorized domain' };
    } catch (error) {
      const message = (error as Error).message;
      own.error('sync.go:393', message, 'error waiting for authorization');
      if (!(error instanceof AuthorizationFailed)) return serverFailure(error as Error, own);
      void recorder.event(challenge, 'Warning', 'Failed', `Accepting challenge authorization failed: ${message}`);
      return { state: 'invalid', reason: `Error accepting authorization: ${message}` };
    }
  }

  async function write(challenge: KubeObject, status: Loose): Promise<KubeObject> {
    const { reason, ...rest } = status;
    try {
      return await manager.writeStatus(challenges, challenge, { ...rest, ...(reason && { reason }) });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      return challenge;
    }
  }

  async function advance(challenge: KubeObject, key: string, log: Logger): Promise<void> {
    const { spec, metadata } = challenge;
    const issuer = manager.issuerFor(spec.issuerRef, metadata.namespace ?? '');
    if (!issuer) {
      const kind = (spec.issuerRef.kind || 'Issuer').toLowerCase();
      const name = quote(spec.issuerRef.name);
      throw new Error(`error reading (cluster)issuer ${name}: ${kind}.cert-manager.io ${name} not found`);
    }
    const client = accounts.of(issuer);
    const status = challenge.status ?? {};
    if (!status.state) {
      await write(challenge, { ...status, ...(await statusOnServer(challenge, client, log)) });
      return;
    }
    const solver = solvers[spec.type];
    if (!solver) throw new Error(`no solver for ${quote(spec.type)} implemented`);
    let current = challenge;
    if (!status.presented) {
      try {
        await solver.present(challenge, log);
      } catch (error) {
        const reason = (error as Error).message;
        void recorder.event(challenge, 'Warning', 'PresentError', `Error presenting challenge: ${reason}`);
        await write(challenge, { ...status, reason });
        throw error;
      }
      const told = `Presented challenge using ${spec.type} challenge mechanism`;
      void recorder.event(challenge, 'Normal', 'Presented', told);
      current = await write(challenge, { ...status, presented: true, presentedAt: stamp(manager.clock.now()) });
    }
    const wait = await hold(current, current.status, log);
    if (wait) {
      await write(current, { ...current.status, reason: wait.reason });
      after(key, wait.wait);
      return;
    }
    await write(current, { ...current.status, ...(await accept(current, client, log)) });
  }

  return async (key: string): Promise<void> => {
    const [namespace, name] = split(key);
    const challenge = manager.informer(challenges).get(name, namespace);
    if (!challenge) return;
    const { spec, metadata } = challenge;
    const log = manager.log.with({ ...about(challenge), dnsName: spec.dnsName, type: spec.type });
    if (metadata.deletionTimestamp || isFinal(challenge.status?.state)) {
      const changes = await finish(challenge, log);
      if (changes) await write(challenge, { ...challenge.status, ...changes });
      return;
    }
    if (!challenge.status?.processing) return;
    const finalizers = metadata.finalizers ?? [];
    if (!finalizers.includes(finalizer) || finalizers.includes(formerFinalizer))
      return setFinalizers(challenge, [...finalizers.filter((one) => one !== formerFinalizer), finalizer]);
    return advance(challenge, key, log);
  };
}

/** Lets Challenges begin: never two of one name and type, and not too many at once. */
export function createScheduler(manager: Manager): () => Promise<void> {
  const recorder = manager.recorder('challenges');
  const about = ({ spec }: KubeObject): string => `${spec.type} ${spec.dnsName}`;
  return async () => {
    const all = manager.informer(challenges).list();
    const busy = all.filter((one) => one.status?.processing);
    const taken = new Set(busy.map(about));
    const waiting = all
      .filter((one) => !one.status?.processing && !isFinal(one.status?.state) && !one.metadata.deletionTimestamp)
      .sort((a, b) => Date.parse(a.metadata.creationTimestamp ?? '') - Date.parse(b.metadata.creationTimestamp ?? ''));
    let room = manager.options.maxConcurrentChallenges - busy.length;
    for (const challenge of waiting) {
      if (room <= 0) return;
      if (taken.has(about(challenge))) continue;
      taken.add(about(challenge));
      room -= 1;
      await manager.writeStatus(challenges, challenge, {
        presented: false,
        ...challenge.status,
        processing: true,
      });
      void recorder.event(challenge, 'Normal', 'Started', 'Challenge scheduled for processing');
    }
  };
}
