import type { Loose } from '../../../../../kubernetes/object.ts';
import { answer, listenHttp, readBody, type ServerTls, send } from '../http/server.ts';
import type { ContainerProcess, Image, Program } from '../image.ts';

/** `web-*,db` as a test of names. */
function namesIn(text: string): (name: string) => boolean {
  const patterns = text
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean)
    .map((one) => new RegExp(`^${one.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]*')}$`));
  return (name) => patterns.some((pattern) => pattern.test(name));
}

const listOf = (text = ''): string[] =>
  text
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean);

interface Verdict {
  allowed: boolean;
  message?: string;
  patch?: Loose[];
}

/** What the variables make of one request. */
function judge(env: Record<string, string>, request: Loose, mutates: boolean): Verdict {
  const object = request.object ?? request.oldObject;
  const labels: Record<string, string> = object?.metadata?.labels ?? {};
  if (mutates) {
    const added = Object.fromEntries(listOf(env.LABELS).map((one) => one.split(/=(.*)/, 2) as [string, string]));
    if (!request.object || Object.keys(added).length === 0) return { allowed: true };
    return {
      allowed: true,
      patch: [{ op: 'add', path: '/metadata/labels', value: { ...labels, ...added } }],
    };
  }
  if (env.DENY && namesIn(env.DENY)(request.name ?? object?.metadata?.name ?? ''))
    return { allowed: false, message: env.DENY_MESSAGE || `the name ${request.name} is not allowed` };
  const missing = request.object ? listOf(env.REQUIRE_LABELS).filter((name) => labels[name] === undefined) : [];
  if (missing.length === 0) return { allowed: true };
  return { allowed: false, message: env.DENY_MESSAGE || `missing labels: ${missing.join(', ')}` };
}

function respond(env: Record<string, string>, review: Loose, mutates: boolean): { body: Loose; verdict: Verdict } {
  const { request } = review;
  const verdict = judge(env, request, mutates);
  const response: Loose = { uid: request.uid, allowed: verdict.allowed };
  if (verdict.message) response.status = { code: 403, reason: 'Forbidden', message: verdict.message };
  if (verdict.patch) {
    response.patchType = 'JSONPatch';
    response.patch = Buffer.from(JSON.stringify(verdict.patch)).toString('base64');
  }
  if (env.WARN) response.warnings = [env.WARN];
  return { body: { kind: 'AdmissionReview', apiVersion: review.apiVersion, response }, verdict };
}

function readTls(process: ContainerProcess): ServerTls {
  const directory = process.env.TLS_DIRECTORY || '/tls';
  const read = (name: string): string => Buffer.from(process.fs.read(`${directory}/${name}`)).toString('utf8');
  return { cert: read('tls.crt'), key: read('tls.key') };
}

/** Judges AdmissionReviews over HTTPS: `/mutate…` changes, every other path allows or refuses. */
const server: Program = async (process) => {
  const { env } = process;
  const port = Number(env.PORT || 8443);
  const say = (text: string): Promise<void> => process.stdout.write(`${text}\n`);
  let tls: ServerTls;
  try {
    tls = readTls(process);
  } catch (error) {
    await process.stderr.write(`no certificate: ${(error as Error).message}\n`);
    return 1;
  }
  try {
    await listenHttp(
      process,
      port,
      async (request, response) => {
        const path = (request.url ?? '/').split('?')[0] ?? '/';
        if (request.method === 'GET') return send(response, answer(200, 'ok\n', { 'content-type': 'text/plain' }));
        if (Number(env.DELAY) > 0) await process.sleep(Number(env.DELAY) * 1000);
        if (Number(env.FAIL) > 0) return send(response, answer(Number(env.FAIL), 'failing on purpose\n'));
        const review = JSON.parse((await readBody(request)).toString('utf8'));
        const { body, verdict } = respond(env, review, path.startsWith('/mutate'));
        const { operation, resource, namespace = '', name = '' } = review.request;
        const outcome = verdict.allowed ? (verdict.patch ? 'changed' : 'allowed') : `denied: ${verdict.message}`;
        await say(`${operation} ${resource.resource} ${namespace ? `${namespace}/` : ''}${name}: ${outcome}`);
        send(response, answer(200, JSON.stringify(body), { 'content-type': 'application/json' }));
      },
      '0.0.0.0',
      tls,
    );
  } catch (error) {
    await process.stderr.write(`cannot serve on port ${port}: ${(error as Error).message}\n`);
    return 1;
  }
  await say(`serving admission reviews on port ${port}`);
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.onSignal(signal, () => resolve(0));
  });
};

/** A webhook to try admission with; what it does is told by its environment, see sandbox/README.md. */
export const admission: Image = {
  match: /^atelier\.dev\/admission$/,
  tags: /^(?:latest|1(?:\.\d+)*)$/,
  names: ['atelier.dev/admission'],
  load: { request: 1, memory: 8 << 20 },
  config: {
    entrypoint: ['/admission'],
    cmd: [],
    env: {},
    workingDir: '/',
    user: 65532,
    exposedPorts: [8443],
  },
  programs: { '/admission': server },
};
