import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import type { Gvr, KubeObject, Loose } from '../../../../../../../kubernetes/object.ts';
import { openWholeCluster, type WholeCluster } from '../../../whole-cluster.ts';

const run = promisify(execFile);
const webhook: Gvr = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  resource: 'validatingwebhookconfigurations',
};

export const certificates: Gvr = { group: 'cert-manager.io', version: 'v1', resource: 'certificates' };
export const requests: Gvr = { group: 'cert-manager.io', version: 'v1', resource: 'certificaterequests' };
export const secrets: Gvr = { group: '', version: 'v1', resource: 'secrets' };

/** The chart's objects; without the webhook, which a controller does not need, unless all are wanted. */
async function rendered(entire = false): Promise<KubeObject[]> {
  const chart = new URL('../../../../../../../manifests/charts/cert-manager', import.meta.url).pathname;
  const { stdout } = await run(process.env.ATELIER_HELM ?? 'helm', [
    'template',
    'cert-manager',
    chart,
    '--namespace=cert-manager',
    // What is waited for after a failure: ten minutes, as tests skip the clock at a price.
    '--set=extraArgs={--certificate-request-minimum-backoff-duration=10m}',
    `--set=crds.enabled=true,startupapicheck.enabled=false,cainjector.enabled=${entire}`,
  ]);
  return parseAllDocuments(stdout)
    .map((document) => document.toJSON() as KubeObject)
    .filter((object) => object && (entire || !/webhook/i.test(`${object.kind} ${object.metadata.name}`)));
}

export interface Installed extends WholeCluster {
  apply(...objects: Loose[]): Promise<void>;
  ready(resource: Gvr, name: string): Promise<KubeObject>;
}

/** A cluster with cert-manager's controller running in the namespace `cert-manager`. */
export async function openInstalled(more: { trusted?: string; entire?: boolean } = {}): Promise<Installed> {
  const whole = await openWholeCluster(1, more);
  const { client } = whole;
  const list = async (objects: Loose[]): Promise<void> => {
    for (const object of objects) {
      const [group, version] = object.apiVersion.includes('/') ? object.apiVersion.split('/') : ['', object.apiVersion];
      const plural = object.kind
        .toLowerCase()
        .replace(/(s|x)$/, '$1e')
        .replace(/y$/, 'ie');
      await client.create({ group, version, resource: `${plural}s` }, object);
    }
  };
  await list([
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'cert-manager' } },
    ...(await rendered(more.entire)),
  ]);
  if (more.entire)
    await whole.until(webhook, 'cert-manager-webhook', (one) => one.webhooks?.[0]?.clientConfig?.caBundle);
  return {
    ...whole,
    apply: (...objects) => list(objects),
    // Ready is said when the Secret is good, which is a moment before the Certificate knows its revision.
    ready: (resource, name) =>
      whole.until(resource, name, ({ kind, status }) => {
        const is = (type: string) =>
          status?.conditions?.some((one: Loose) => one.type === type && one.status === 'True');
        return is('Ready') && !is('Issuing') && (kind !== 'Certificate' || status.revision);
      }),
  };
}
