import { isIP } from 'node:net';
import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { parseDuration } from '../durations.ts';
import { about } from '../log.ts';
import type { Manager } from '../manager.ts';
import {
  certificates,
  controllerOf,
  controllerReference,
  ingresses,
  isControlledBy,
  key,
  quote,
  same,
  split,
} from '../objects.ts';
import { defaultUsages } from '../pki/usages.ts';
import { specFromAnnotations } from './annotations.ts';

const issuerAnnotation = 'cert-manager.io/issuer';
const clusterIssuerAnnotation = 'cert-manager.io/cluster-issuer';
const override = 'acme.cert-manager.io/http01-override-ingress-';

/** Makes a Certificate for each Secret that an annotated Ingress names. https://cert-manager.io/docs/usage/ingress/ */
export function createIngressShim(manager: Manager) {
  const recorder = manager.recorder('ingress-shim');
  const { options } = manager;

  function isAsked(annotations: Record<string, string>): boolean {
    if (issuerAnnotation in annotations || clusterIssuerAnnotation in annotations) return true;
    return options.autoAnnotations.some((name) => /^(1|t|true)$/i.test(annotations[name] ?? ''));
  }

  /** Throws where the annotations contradict each other. */
  function issuerOf(annotations: Record<string, string>): Loose {
    const [own, cluster] = [annotations[issuerAnnotation], annotations[clusterIssuerAnnotation]];
    const [kind, group] = [annotations[key.issuerKind], annotations[key.issuerGroup]];
    const name = cluster ?? own ?? options.defaultIssuerName;
    const errors: string[] = [];
    const both = (one: string, other: string) => errors.push(`both ${quote(one)} and ${quote(other)} may not be set`);
    if (!name) errors.push('failed to determine issuer name to be used for ingress resource');
    if (own !== undefined && cluster !== undefined) both(issuerAnnotation, clusterIssuerAnnotation);
    if (cluster !== undefined && group !== undefined) both(clusterIssuerAnnotation, key.issuerGroup);
    if (cluster !== undefined && kind !== undefined) both(clusterIssuerAnnotation, key.issuerKind);
    if (errors.length > 0) throw new Error(errors.join(', '));
    const implied = cluster !== undefined ? 'ClusterIssuer' : own !== undefined ? 'Issuer' : options.defaultIssuerKind;
    return { name, kind: kind ?? implied, group: group ?? options.defaultIssuerGroup };
  }

  /** What the Ingress wants, by Secret. Throws where an annotation cannot be read. */
  function wantedBy(ingress: KubeObject, issuerRef: Loose): KubeObject[] {
    const { namespace = '', labels, annotations = {} } = ingress.metadata;
    const wanted: KubeObject[] = [];
    (ingress.spec.tls ?? []).forEach(({ hosts = [], secretName = '' }: Loose, at: number) => {
      const missing = [...(hosts.length === 0 ? ['hosts'] : []), ...(secretName ? [] : ['secretName'])];
      if (missing.length > 0) {
        const errors = missing.map((field) => `spec.tls[${at}].${field}: Required value`);
        const told = errors.length > 1 ? `[${errors.join(', ')}]` : errors[0];
        void recorder.event(ingress, 'Warning', 'BadConfig', `Skipped a TLS block: ${told}`);
        return;
      }
      const names = [...new Set<string>(hosts)];
      const own: Loose = {
        dnsNames: names.filter((host) => !isIP(host)),
        ipAddresses: names.filter((host) => isIP(host)),
        secretName,
        issuerRef,
        usages: defaultUsages,
      };
      const { 'applyset.kubernetes.io/part-of': _, ...kept } = labels ?? {};
      const made = solverAnnotations(ingress.metadata.name ?? '', annotations);
      wanted.push({
        apiVersion: 'cert-manager.io/v1',
        kind: 'Certificate',
        metadata: {
          name: secretName,
          namespace,
          ...(labels && { labels: kept }),
          ...(Object.keys(made).length > 0 && { annotations: made }),
          ownerReferences: [controllerReference(ingress)],
        },
        spec: withoutEmpty(specFromAnnotations(own, annotations)),
      });
    });
    return wanted;
  }

  async function writeAll(ingress: KubeObject, wanted: KubeObject[]): Promise<void> {
    const { namespace = '' } = ingress.metadata;
    const log = manager.log.with(about(ingress));
    for (const certificate of wanted) {
      const name = certificate.metadata.name ?? '';
      const existing = manager.informer(certificates).get(name, namespace);
      if (!existing) {
        await manager.create(certificates, certificate);
        void recorder.event(ingress, 'Normal', 'CreateCertificate', `Successfully created Certificate ${quote(name)}`);
        continue;
      }
      if (!isControlledBy(existing, ingress)) {
        const why = controllerOf(existing)
          ? 'certificate resource is not owned by this object. refusing to update non-owned certificate resource for object'
          : 'certificate resource has no owner. refusing to update non-owned certificate resource for object';
        log.info('sync.go:443', why, about(existing, 'related_resource'), 2);
        continue;
      }
      if (!differs(existing, certificate)) continue;
      const updated = await manager.client.update(certificates, {
        ...existing,
        metadata: withLabels(existing.metadata, certificate.metadata.labels),
        spec: certificate.spec,
      });
      manager.informer(certificates).observe(updated);
      void recorder.event(ingress, 'Normal', 'UpdateCertificate', `Successfully updated Certificate ${quote(name)}`);
    }
    const used = (ingress.spec.tls ?? []).map(({ secretName }: Loose) => secretName);
    for (const certificate of manager.informer(certificates).list(namespace)) {
      if (!isControlledBy(certificate, ingress) || used.includes(certificate.spec.secretName)) continue;
      await manager.remove(certificates, certificate, true);
      const told = `Successfully deleted unrequired Certificate ${quote(certificate.metadata.name ?? '')}`;
      void recorder.event(ingress, 'Normal', 'DeleteCertificate', told);
    }
  }

  return async (keyName: string): Promise<void> => {
    const [namespace, name] = split(keyName);
    const ingress = manager.informer(ingresses).get(name, namespace);
    if (!ingress || ingress.metadata.deletionTimestamp) return;
    const annotations = ingress.metadata.annotations ?? {};
    if (!isAsked(annotations) || ingress.metadata.finalizers?.includes('foregroundDeletion')) return;
    let issuerRef: Loose;
    try {
      issuerRef = issuerOf(annotations);
    } catch (error) {
      const why = (error as Error).message;
      manager.log
        .with(about(ingress))
        .error('sync.go:110', why, 'failed to determine issuer to be used for ingress resource');
      const told = `Could not determine issuer for ingress due to bad annotations: ${why}`;
      void recorder.event(ingress, 'Warning', 'BadConfig', told);
      return;
    }
    const twice = duplicates(ingress);
    if (twice) return void recorder.event(ingress, 'Warning', 'BadConfig', twice);
    await writeAll(ingress, wantedBy(ingress, issuerRef));
  };
}

/** Why two blocks cannot fill one Secret. */
function duplicates({ spec }: KubeObject): string | undefined {
  const places = new Map<string, number[]>();
  (spec.tls ?? []).forEach(({ secretName = '' }: Loose, at: number) => {
    places.set(secretName, [...(places.get(secretName) ?? []), at]);
  });
  const path = (at: number | undefined): string => `spec.tls[${at}].secretName`;
  const errors = [...places]
    .filter(([, all]) => all.length > 1)
    .map(
      ([name, [first, second]]) =>
        `${path(first)}: Invalid value: ${quote(name)}: this secret name must only appear in a single TLS entry but is also used in ${path(second)}`,
    );
  return errors.length > 1 ? `[${errors.join(', ')}]` : errors[0];
}

/** What an Ingress says of how its challenges are solved. */
function solverAnnotations(name: string, annotations: Record<string, string>): Record<string, string> {
  const named = annotations['acme.cert-manager.io/http01-ingress-class'];
  const className = annotations['acme.cert-manager.io/http01-ingress-ingressclassname'];
  return {
    ...(annotations['acme.cert-manager.io/http01-edit-in-place'] === 'true' && {
      [`${override}name`]: name,
      [key.temporary]: 'true',
    }),
    ...(named && { [`${override}class`]: named }),
    ...(className && { [`${override}ingressclassname`]: className }),
  };
}

function withLabels(metadata: KubeObject['metadata'], labels: Record<string, string> | undefined) {
  const { labels: _, ...rest } = metadata;
  return labels ? { ...rest, labels } : rest;
}

const withoutEmpty = (spec: Loose): Loose =>
  Object.fromEntries(Object.entries(spec).filter(([, value]) => !Array.isArray(value) || value.length > 0));

/** Whether a Certificate is other than its Ingress wants it, in what an Ingress can say. */
function differs(existing: KubeObject, wanted: KubeObject): boolean {
  if (!same(existing.metadata.labels ?? {}, wanted.metadata.labels ?? {})) return true;
  const looked = (certificate: KubeObject): Loose => {
    const { spec } = certificate;
    const { algorithm, encoding, rotationPolicy, size } = spec.privateKey ?? {};
    const milliseconds = (text: string | undefined) => text && parseDuration(text);
    return {
      commonName: spec.commonName || undefined,
      dnsNames: spec.dnsNames ?? [],
      secretName: spec.secretName,
      issuer: [spec.issuerRef.name, spec.issuerRef.kind],
      revisionHistoryLimit: spec.revisionHistoryLimit,
      privateKey: [algorithm, encoding, rotationPolicy, algorithm === 'Ed25519' ? undefined : size].map(
        (one) => one || null,
      ),
      duration: milliseconds(spec.duration),
      renewBefore: milliseconds(spec.renewBefore),
    };
  };
  return !same(looked(existing), looked(wanted));
}
