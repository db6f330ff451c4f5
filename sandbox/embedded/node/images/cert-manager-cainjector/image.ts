import { ApiError, type Client } from '../../../client/client.ts';
import { createInformer, type Informer } from '../../../client/informer.ts';
import { createWorkQueue } from '../../../client/work-queue.ts';
import { listenHttp, send } from '../http/server.ts';
import type { ContainerProcess, Image, Program } from '../image.ts';
import { inClusterClient } from '../in-cluster/client.ts';
import { flagOf, readFlags } from '../in-cluster/flags.ts';
import { type Logger, loggerOf } from '../in-cluster/klog.ts';
import { becomeLeader } from '../in-cluster/leader.ts';
import { INJECTABLES, type Injectable } from './injectables.ts';
import { certificateOf, certificates, readCa, wantedCertificate, wantedSecret, wantsCa } from './sources.ts';

const secrets = { group: '', version: 'v1', resource: 'secrets' };
const crds = { group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions' };
const CA_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt';
/** How long it waits for cert-manager's kinds before it gives up, and how often it looks: milliseconds. */
const PATIENCE = 300_000;
const LOOK = 1000;

interface Running {
  process: ContainerProcess;
  client: Client;
  log: Logger;
  signal: AbortSignal;
}

/** Waits until the kind Certificate exists: its Secrets are one source of CAs. */
async function awaitKinds({ process, client, log, signal }: Running): Promise<void> {
  const { clock } = process.container;
  const began = clock.monotonic();
  while (!signal.aborted) {
    try {
      await client.get(crds, 'certificates.cert-manager.io');
      return;
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 404)) {
        log.error(
          'controller.go:194',
          (error as Error).message,
          'error checking if certificates.cert-manager.io CRD is installed',
        );
        throw error;
      }
      log.info(
        'controller.go:191',
        'cainjector has been configured to watch certificates, but certificates.cert-manager.io CRD not found, retrying with a backoff...',
      );
    }
    if (clock.monotonic() - began > PATIENCE) throw new Error('context deadline exceeded');
    await process.sleep(LOOK);
  }
}

/** One loop: objects of a kind that ask for a CA get it, again whenever the Secret or Certificate it is read from changes. */
function inject(running: Running, injectable: Injectable, sources: Informer, owners: Informer): void {
  const { process, client, log, signal } = running;
  const { clock } = process.container;
  const told = log.with({ kind: injectable.name });
  told.info('setup.go:133', 'Registering a reconciler for injectable');
  const informer = createInformer({
    client,
    resource: injectable.resource,
    clock,
    signal,
    log: (message) => told.error('reflector.go:204', message, 'Failed to watch'),
  });
  const queue = createWorkQueue({
    clock,
    signal,
    work: reconcile,
    onError: (error) => told.error('controller.go:353', (error as Error).message, 'Reconciler error'),
  });

  async function reconcile(name: string): Promise<void> {
    const object = informer.get(name);
    if (!object || object.metadata.deletionTimestamp || !wantsCa(object)) return;
    const own = told.with({ name });
    const apiServerCa = Buffer.from(process.fs.read(CA_FILE)).toString('utf8');
    let ca: string | undefined;
    try {
      ca = await readCa(object, { client, log: own, apiServerCa });
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 403)) throw error;
      return own.info('reconciler.go:112', 'cainjector was forbidden to retrieve the ca data source', {}, 2);
    }
    if (ca === undefined)
      return own.info('reconciler.go:121', 'could not find any ca data in data source for target', {}, 2);
    const applied = injectable.withCa(object, ca);
    if (!applied || injectable.holds(object, ca)) return;
    const { apiVersion, kind } = object;
    const options = { fieldManager: 'cainjector', force: true };
    await client.patch(
      injectable.resource,
      name,
      undefined,
      'apply',
      { apiVersion, kind, metadata: { name }, ...applied },
      options,
    );
    own.info('reconciler.go:142', 'Updated object', {}, 2);
  }

  const affected = (wanted: (object: { metadata: { name?: string } }) => boolean): void => {
    for (const object of informer.list()) if (wanted(object)) queue.add(object.metadata.name ?? '');
  };
  informer.on((now) => now && wantsCa(now) && queue.add(now.metadata.name ?? ''));
  sources.on((now, before) => {
    const secret = now ?? before;
    if (!secret) return;
    const { namespace, name } = secret.metadata;
    const owner = certificateOf(secret);
    affected(
      (object) =>
        wantedSecret(object as never) === `${namespace}/${name}` ||
        (owner !== undefined && wantedCertificate(object as never) === `${namespace}/${owner}`),
    );
  });
  owners.on((now) => {
    if (now)
      affected((object) => wantedCertificate(object as never) === `${now.metadata.namespace}/${now.metadata.name}`);
  });
}

const program: Program = async (process) => {
  const flags = readFlags(process.argv.slice(1));
  const log = loggerOf(process, Number(flagOf(flags, 'v', '0')), 'cert-manager');
  const metrics = flagOf(flags, 'metrics-listen-address', '0.0.0.0:9402');
  const ended = new AbortController();
  process.killed.addEventListener('abort', () => ended.abort(), { once: true });
  let client: Client;
  try {
    client = inClusterClient(process, { userAgent: 'cainjector/v1.21.2 (linux/amd64) cert-manager/simulated' });
    if (!['0', ''].includes(metrics))
      await listenHttp(process, Number(metrics.split(':').at(-1)), (_, response) =>
        send(response, { status: 200, headers: { 'content-type': 'text/plain' }, body: '# simulated: no figures\n' }),
      );
  } catch (error) {
    log.error('main.go:44', (error as Error).message, 'error executing command');
    await log.flush();
    return 1;
  }
  log.info('atelier', 'simulated: this program stands in for the real cert-manager cainjector');
  const { clock, pod } = process.container;
  const { signal } = ended;
  const running = { process, client, log, signal };
  let release = async (): Promise<void> => undefined;
  const stopped = new Promise<number>((resolve) => {
    for (const one of ['SIGTERM', 'SIGINT'] as const)
      process.onSignal(one, () => {
        ended.abort();
        release()
          .catch(() => undefined)
          .finally(() => {
            client.close();
            resolve(0);
          });
      });
  });
  const started = (async () => {
    await awaitKinds(running);
    if (flagOf(flags, 'leader-elect', 'true') !== 'false' && !signal.aborted)
      release = await becomeLeader({
        client,
        clock,
        log,
        signal,
        lease: {
          namespace: flagOf(flags, 'leader-election-namespace', 'kube-system'),
          name: 'cert-manager-cainjector-leader-election',
          labels: { 'app.kubernetes.io/managed-by': 'cert-manager-cainjector' },
        },
        pod: pod.name,
        duration: 60_000,
        retry: 15_000,
      });
    if (signal.aborted) return;
    const follow = (resource: typeof secrets): Informer =>
      createInformer({
        client,
        resource,
        clock,
        signal,
        log: (message) => log.error('reflector.go:204', message, 'Failed to watch'),
      });
    const [sources, owners] = [follow(secrets), follow(certificates)];
    for (const injectable of INJECTABLES) inject(running, injectable, sources, owners);
  })();
  const failed = started.then(
    () => new Promise<number>(() => undefined),
    async (error: Error) => {
      if (!signal.aborted) log.error('main.go:44', error.message, 'error executing command');
      await log.flush();
      return 1;
    },
  );
  return Promise.race([stopped, failed]);
};

/** Copies CAs into webhook configurations, APIServices and CRDs that ask for them. https://cert-manager.io/docs/concepts/ca-injector/ */
export const certManagerCainjector: Image = {
  match: /^quay\.io\/jetstack\/cert-manager-cainjector$/,
  tags: /^v1\.(19|20|21)\.\d+$/,
  names: ['quay.io/jetstack/cert-manager-cainjector'],
  load: { memory: 34 << 20 },
  config: {
    entrypoint: ['/app/cmd/cainjector/cainjector'],
    cmd: [],
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
    workingDir: '/home/nonroot',
    user: 1000,
    exposedPorts: [],
  },
  programs: { '/app/cmd/cainjector/cainjector': program },
};
