import type { Gvr, KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { matchLabels, parseLabelSelector } from '../../../../../../kubernetes/selectors.ts';
import { ApiError } from '../../../../client/client.ts';
import { createInformer } from '../../../../client/informer.ts';
import { type Endpoint, endpointOf, resourceLabel } from '../endpoint.ts';
import { Fatal } from '../log.ts';
import type { Source, SourceContext } from './source.ts';

/** DNSEndpoints. Throws what the real one ends with where the definition is missing. https://kubernetes-sigs.github.io/external-dns/v0.20.0/docs/sources/crd/ */
export async function crdSource({ process, flags, log, client, signal }: SourceContext): Promise<Source> {
  const apiVersion = flags.text('crd-source-apiversion');
  const kind = flags.text('crd-source-kind');
  const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  // The empty name of a resource asks which ones there are.
  const served = (await client.list({ group, version, resource: '' }).catch((error: Error) => {
    const missing = error instanceof ApiError && error.code === 404;
    const why = missing ? 'the server could not find the requested resource' : error.message;
    throw new Fatal(`error listing resources in GroupVersion ${JSON.stringify(apiVersion)}: ${why}`);
  })) as Loose;
  if (!served.resources?.some((resource: Loose) => resource.kind === kind))
    throw new Fatal(
      `unable to find Resource Kind ${JSON.stringify(kind)} in GroupVersion ${JSON.stringify(apiVersion)}`,
    );
  const resource: Gvr = { group, version, resource: `${kind.toLowerCase()}s` };
  const namespace = flags.text('namespace');
  const labelSelector = flags.text('label-filter');
  const wanted = parseLabelSelector(flags.text('annotation-filter'));

  function endpointsOf({ metadata, spec }: KubeObject): Endpoint[] {
    const found: Endpoint[] = [];
    for (const value of spec?.endpoints ?? []) {
      const endpoint = endpointOf(value);
      const { dnsName, recordType, targets } = endpoint;
      if (['A', 'AAAA', 'CNAME'].includes(recordType) && targets.length === 0)
        log.debug(
          `Endpoint ${metadata.name} with DNSName ${dnsName} has an empty list of targets, allowing it to pass through for default-targets processing`,
        );
      const dotted = recordType === 'NAPTR';
      if (recordType !== 'TXT' && targets.some((target) => target.endsWith('.') !== dotted)) {
        log.warn(
          `Endpoint ${metadata.namespace}/${metadata.name} with DNSName ${dnsName} has an illegal target format.`,
        );
        continue;
      }
      endpoint.labels[resourceLabel] = `crd/${metadata.namespace}/${metadata.name}`;
      found.push(endpoint);
    }
    return found;
  }

  return {
    async endpoints() {
      const { items } = await client.list(resource, {
        ...(namespace && { namespace }),
        ...(labelSelector && { labelSelector }),
      });
      const found: Endpoint[] = [];
      for (const item of items) {
        if (!matchLabels(wanted, item.metadata.annotations ?? {})) continue;
        found.push(...endpointsOf(item));
        const { generation = 0 } = item.metadata;
        if ((item.status?.observedGeneration ?? 0) === generation) continue;
        const seen = { ...item, apiVersion, kind, status: { ...item.status, observedGeneration: generation } };
        await client.update(resource, seen, 'status').catch((error: Error) => {
          log.warn(`Could not update ObservedGeneration of the CRD: ${error.message}`);
        });
      }
      return found;
    },
    watch(changed) {
      log.debug('Adding event handler for CRD');
      const { clock } = process.container;
      createInformer({ client, resource, clock, signal, ...(namespace && { namespace }) }).on(changed);
    },
  };
}
