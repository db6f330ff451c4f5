import 'reflect-metadata';
import { Pkcs10CertificateRequestGenerator, SubjectAlternativeNameExtension } from '@peculiar/x509';
import { parseDuration } from '../../../../../kubernetes/duration.ts';
import type { KubeObject } from '../../../../../kubernetes/object.ts';
import type { Client } from '../../../client/client.ts';
import type { Image, Program } from '../image.ts';
import { inClusterClient } from '../in-cluster/client.ts';
import { flagOf, readFlags } from '../in-cluster/flags.ts';
import { loggerOf } from '../in-cluster/klog.ts';

const requests = { group: 'cert-manager.io', version: 'v1', resource: 'certificaterequests' };
const NAMESPACE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

/** What a refusal of the API means for somebody who waits for cert-manager; undefined where it says enough itself. */
const meanings: [RegExp, string][] = [
  [
    /the server could not find the requested resource|no matches for kind "CertificateRequest"/,
    'the cert-manager CRDs are not yet installed on the Kubernetes API server',
  ],
  [/Post "(.*)": service "(.*)-webhook" not found/, 'the cert-manager webhook service is not created yet'],
  [/Post "(.*)": (.*): connect: connection refused/, 'the cert-manager webhook deployment is not ready yet'],
  [
    /Post "(.*)": (tls: failed to verify certificate: )?x509: certificate signed by unknown authority/,
    'the cert-manager webhook CA bundle is not injected yet',
  ],
  [
    /admission webhook "webhook\.cert-manager\.io" denied the request: /,
    'the cert-manager validating webhook failed because the dry-run CertificateRequest object was mutated incorrectly',
  ],
  [
    /certificaterequests\.cert-manager\.io is forbidden|admission webhook ".*" denied the request: /,
    'failed to check the cert-manager API',
  ],
];

function requestOf(kind: 'valid' | 'invalid', namespace: string, pem: string): KubeObject {
  return {
    apiVersion: 'cert-manager.io/v1',
    kind: 'CertificateRequest',
    metadata: { namespace, generateName: `cmapichecker-${kind}-` },
    spec: { request: Buffer.from(pem).toString('base64'), issuerRef: { name: 'cmapichecker' } },
  };
}

async function signingRequest(): Promise<string> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-521', hash: 'SHA-512' };
  const keys = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair;
  const request = await Pkcs10CertificateRequestGenerator.create({
    keys,
    signingAlgorithm: algorithm,
    extensions: [new SubjectAlternativeNameExtension([{ type: 'dns', value: 'example.com' }])],
  });
  return request.toString('pem');
}

/** One look: a good request must come back with who made it, a bad one must be refused by the webhook. Nothing is stored. */
async function check(client: Client, namespace: string, pem: string): Promise<void> {
  const made = await client.create(requests, requestOf('valid', namespace, pem), { dryRun: true });
  if (!made.spec?.username && !made.spec?.uid)
    throw new Error('the cert-manager mutation webhook did not mutate the dry-run CertificateRequest object');
  let refusal = '';
  try {
    await client.create(requests, requestOf('invalid', namespace, 'invalid-csr'), { dryRun: true });
  } catch (error) {
    refusal = (error as Error).message;
    if (/admission webhook "webhook\.cert-manager\.io" denied the request: /.test(refusal)) return;
    throw error;
  }
  throw new Error('the cert-manager validating webhook did not validate the dry-run CertificateRequest object');
}

const program: Program = async (process) => {
  const [command, subcommand] = process.argv.slice(1);
  if (command !== 'check' || subcommand !== 'api') {
    await process.stderr.write(`Error: unknown command "${command ?? ''}" for "startupapicheck"\n`);
    return 1;
  }
  const flags = readFlags(process.argv.slice(3), ['v']);
  const log = loggerOf(process, flags.has('v') ? 2 : 0, 'cert-manager.startupapicheck.checkAPI');
  const patience = parseDuration(flagOf(flags, 'wait', '0s')) ?? 0;
  const interval = parseDuration(flagOf(flags, 'interval', '5s')) ?? 5000;
  const { clock } = process.container;
  const began = clock.monotonic();
  let client: Client;
  let namespace: string;
  try {
    client = inClusterClient(process, { userAgent: 'startupapicheck/v1.21.2 (linux/amd64) cert-manager/simulated' });
    namespace = flagOf(flags, 'namespace', Buffer.from(process.fs.read(NAMESPACE)).toString('utf8').trim());
  } catch (error) {
    log.error('main.go:39', (error as Error).message, 'error executing command');
    await log.flush();
    return 1;
  }
  const pem = await signingRequest();
  for (;;) {
    let why: string;
    try {
      await check(client, namespace, pem);
      client.close();
      await process.stdout.write('The cert-manager API is ready\n');
      return 0;
    } catch (error) {
      if (process.killed.aborted) throw error;
      const said = (error as Error).message;
      const simple = meanings.find(([pattern]) => pattern.test(said))?.[1];
      log.info('api.go:105', 'Not ready', simple ? { err: simple, underlyingError: said } : { err: said }, 2);
      why = simple ?? said;
    }
    if (clock.monotonic() - began > patience) {
      if (patience > 0)
        log.info('api.go:121', 'Timed out', { after: flagOf(flags, 'wait', ''), err: 'context deadline exceeded' }, 2);
      log.error('main.go:39', why, 'error executing command');
      await log.flush();
      client.close();
      return patience > 0 ? 124 : 1;
    }
    await process.sleep(interval);
  }
};

/** Waits until cert-manager's API answers, webhook included: the Job that an installation ends with. */
export const certManagerStartupapicheck: Image = {
  match: /^quay\.io\/jetstack\/cert-manager-startupapicheck$/,
  tags: /^v1\.(19|20|21)\.\d+$/,
  names: ['quay.io/jetstack/cert-manager-startupapicheck'],
  config: {
    entrypoint: ['/app/cmd/startupapicheck/startupapicheck'],
    cmd: [],
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
    workingDir: '/home/nonroot',
    user: 1000,
    exposedPorts: [],
  },
  programs: { '/app/cmd/startupapicheck/startupapicheck': program },
};
