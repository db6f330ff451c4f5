import type { Gvr, KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { matchLabels, parseLabelSelector } from '../../../../../../kubernetes/selectors.ts';
import { type Endpoint, endpointsForHostname, endpointText, type Wanted } from '../endpoint.ts';
import { createAnnotations, listed, type Source, type SourceContext, templated } from './source.ts';

const resource: Gvr = { group: 'networking.k8s.io', version: 'v1', resource: 'ingresses' };

/** Hosts of Ingresses, at the addresses in their status. https://kubernetes-sigs.github.io/external-dns/v0.20.0/docs/sources/ingress/ */
export async function ingressSource(context: SourceContext): Promise<Source> {
  const { flags, log } = context;
  const annotations = createAnnotations(flags.text('annotation-prefix'), log);
  const labels = parseLabelSelector(flags.text('label-filter'));
  const wantedAnnotations = parseLabelSelector(flags.text('annotation-filter'));
  const classes = flags.list('ingress-class');
  const ingresses = await listed(context, resource, '*v1.Ingress');

  function isOfClass({ metadata, spec }: KubeObject): boolean {
    const own = spec?.ingressClassName || metadata.annotations?.['kubernetes.io/ingress.class'];
    if (classes.length === 0 || classes.includes(own)) return true;
    log.debug(
      `Discarding ingress ${metadata.namespace}/${metadata.name} because it does not match required ingress classes [${classes.join(' ')}]`,
    );
    return false;
  }

  function endpointsOf(ingress: KubeObject): Endpoint[] {
    const { metadata, spec } = ingress;
    const name = `ingress/${metadata.namespace}/${metadata.name}`;
    const own = annotations.targets(ingress);
    const wanted: Wanted = {
      resource: name,
      ttl: annotations.ttl(ingress, name),
      targets: own.length > 0 ? own : addressesOf(ingress),
      ...annotations.provider(ingress),
    };
    const at = (hosts: string[]) => hosts.filter(Boolean).flatMap((host) => endpointsForHostname(host, wanted, log));
    const rules = flags.is('ignore-ingress-rules-spec') ? [] : (spec?.rules ?? []).map(({ host }: Loose) => host);
    const tls = flags.is('ignore-ingress-tls-spec') ? [] : (spec?.tls ?? []).flatMap(({ hosts }: Loose) => hosts ?? []);
    const named = flags.is('ignore-hostname-annotation') ? [] : annotations.hostnames(ingress, 'hostname');
    const from = annotations.of(ingress, 'ingress-hostname-source')?.toLowerCase();
    const defined = from === undefined || from === 'defined-hosts-only' ? at([...rules, ...tls]) : [];
    const found = [...defined, ...(from === undefined || from === 'annotation-only' ? at(named) : [])];
    const template = flags.text('fqdn-template');
    if (template && (found.length === 0 || flags.is('combine-fqdn-annotation')))
      found.push(...at(templated(template, ingress)));
    return found;
  }

  return {
    async endpoints() {
      const found: Endpoint[] = [];
      for (const ingress of ingresses.list()) {
        const { namespace, name, labels: own = {}, annotations: notes = {} } = ingress.metadata;
        if (!matchLabels(labels, own) || !matchLabels(wantedAnnotations, notes)) continue;
        if (!isOfClass(ingress) || annotations.isForeign(ingress, 'ingress')) continue;
        const endpoints = endpointsOf(ingress);
        log.debug(
          endpoints.length === 0
            ? `No endpoints could be generated from ingress ${namespace}/${name}`
            : `Endpoints generated from ingress: ${namespace}/${name}: [${endpoints.map(endpointText).join(' ')}]`,
        );
        found.push(...endpoints);
      }
      return found;
    },
    watch(changed) {
      log.debug('Adding event handler for ingress');
      ingresses.on(changed);
    },
  };
}

const addressesOf = ({ status }: KubeObject): string[] =>
  (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }: Loose) => [ip, hostname].filter(Boolean));
