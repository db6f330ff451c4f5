import { type ListeningHttp, listenHttp, readBody, send } from '../http/server.ts';
import type { Image, Program } from '../image.ts';
import { inClusterClient } from '../in-cluster/client.ts';
import { flagOf, readFlags } from '../in-cluster/flags.ts';
import { loggerOf } from '../in-cluster/klog.ts';
import { keepServing } from './authority.ts';
import { answerReview } from './review.ts';

const text = { 'content-type': 'text/plain; charset=utf-8' };

const program: Program = async (process) => {
  const flags = readFlags(process.argv.slice(1));
  const log = loggerOf(process, Number(flagOf(flags, 'v', '0')), 'cert-manager');
  const server = log.named('webhook');
  const port = Number(flagOf(flags, 'secure-port', '6443'));
  const healthPort = Number(flagOf(flags, 'healthz-port', '6080'));
  const metrics = flagOf(flags, 'metrics-listen-address', '0.0.0.0:9402');
  const names = (flags.get('dynamic-serving-dns-names') ?? []).flatMap((value) => value.split(','));
  const secret = {
    namespace: flagOf(flags, 'dynamic-serving-ca-secret-namespace', ''),
    name: flagOf(flags, 'dynamic-serving-ca-secret-name', ''),
  };
  const fail = async (message: string): Promise<number> => {
    log.error('main.go:43', message, 'error executing command');
    await log.flush();
    return 1;
  };
  if (!secret.namespace || !secret.name)
    return fail('error: no CertificateSource specified: --dynamic-serving-ca-secret-namespace and -name are wanted');
  let client: ReturnType<typeof inClusterClient>;
  try {
    client = inClusterClient(process, {
      userAgent: 'cert-manager-webhook/v1.21.2 (linux/amd64) cert-manager/simulated',
    });
  } catch (error) {
    return fail((error as Error).message);
  }
  log.info('atelier', 'simulated: this program stands in for the real cert-manager webhook');
  const ended = new AbortController();
  const stop = (): void => ended.abort();
  process.killed.addEventListener('abort', stop, { once: true });
  server.info(
    'webhook.go:133',
    'using dynamic certificate generating using CA stored in Secret resource',
    { secret_namespace: secret.namespace, secret_name: secret.name },
    2,
  );

  let listening: ListeningHttp | undefined;
  let opening: Promise<ListeningHttp> | undefined;
  try {
    server.info('server.go:228', 'listening for insecure healthz connections', { address: healthPort }, 2);
    await listenHttp(process, healthPort, (request, response) => {
      const path = request.url?.split('?')[0];
      // Healthy once it has a certificate to serve with.
      if (path === '/healthz' && !listening)
        return send(response, { status: 500, headers: text, body: 'failed: certificate not available\n' });
      if (path === '/healthz' || path === '/livez') return send(response, { status: 200, headers: text, body: 'ok' });
      return send(response, { status: 404, headers: text, body: '404 page not found\n' });
    });
    if (!['0', ''].includes(metrics))
      await listenHttp(process, Number(metrics.split(':').at(-1)), (request, response) =>
        request.url?.split('?')[0] === '/metrics'
          ? send(response, { status: 200, headers: text, body: '# simulated: no figures\n' })
          : send(response, { status: 404, headers: text, body: '404 page not found\n' }),
      );
  } catch (error) {
    return fail((error as Error).message);
  }

  keepServing({
    client,
    clock: process.container.clock,
    log,
    signal: ended.signal,
    secret,
    names,
    onCertificate: (tls) => {
      if (listening) return listening.secure(tls);
      opening ??= listenHttp(
        process,
        port,
        async (request, response) => {
          const path = request.url?.split('?')[0] ?? '/';
          if (path !== '/validate' && path !== '/mutate')
            return send(response, { status: 404, headers: text, body: '404 page not found\n' });
          const body = await answerReview(JSON.parse((await readBody(request)).toString('utf8')), path, client);
          send(response, {
            status: 200,
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(body),
          });
        },
        '0.0.0.0',
        tls,
      );
      opening.then(
        (opened) => {
          listening = opened;
        },
        (error: Error) => log.error('server.go:279', error.message, 'error running webhook server'),
      );
    },
  });
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.onSignal(signal, () => {
        ended.abort();
        client.close();
        resolve(0);
      });
  });
};

/** Refuses what cert-manager's kinds may not say, in the words of the real one. https://cert-manager.io/docs/concepts/webhook/ */
export const certManagerWebhook: Image = {
  match: /^quay\.io\/jetstack\/cert-manager-webhook$/,
  tags: /^v1\.(19|20|21)\.\d+$/,
  names: ['quay.io/jetstack/cert-manager-webhook'],
  load: { request: 1, memory: 28 << 20 },
  config: {
    entrypoint: ['/app/cmd/webhook/webhook'],
    cmd: [],
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
    workingDir: '/home/nonroot',
    user: 1000,
    exposedPorts: [],
  },
  programs: { '/app/cmd/webhook/webhook': program },
};
