import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import type { Recorder } from '../../../../client/recorder.ts';
import { about, type Logger } from '../log.ts';
import type { Manager } from '../manager.ts';
import {
  base64,
  clusterIssuers,
  conditionOf,
  issuerKind,
  issuers,
  isTrue,
  quote,
  requests,
  split,
} from '../objects.ts';
import { readCertificate } from '../pki/certificate.ts';
import { createReport, type Report } from './report.ts';

/** A chain and its authority, in PEM. */
export interface Issued {
  certificate: string;
  ca?: string | undefined;
}

/** What was asked of one kind of issuer. */
export interface Signing {
  request: KubeObject;
  issuer: KubeObject;
  report: Report;
  recorder: Recorder;
  log: Logger;
}

/** Answers with a certificate, or with the status that says why there is none (yet); undefined changes nothing. */
export type Sign = (signing: Signing) => Promise<{ issued: Issued } | { status: Loose } | undefined>;

/** The kind of an issuer, by the field of its spec. */
export function typeOf(issuer: KubeObject): string | undefined {
  const spec = issuer.spec ?? {};
  return ['acme', 'ca', 'vault', 'selfSigned', 'venafi'].find((type) => spec[type] !== undefined)?.toLowerCase();
}

/** The loop of one kind of issuer over all CertificateRequests. */
export function createIssuerLoop(manager: Manager, type: string, sign: Sign | undefined) {
  const recorder = manager.recorder(`certificaterequests-issuer-${type}`);

  function notFound(request: KubeObject): string {
    const { name, kind } = request.spec.issuerRef;
    const resource = kind === 'ClusterIssuer' ? clusterIssuers : issuers;
    return `${resource.resource.slice(0, -1)}.cert-manager.io ${quote(name)} not found`;
  }

  async function judge(request: KubeObject): Promise<Loose> {
    const { metadata, spec } = request;
    const report = createReport(manager, recorder, request);
    if (isTrue(request, 'Denied')) return report.denied();
    if (isTrue(request, 'InvalidRequest')) return undefined;
    if (!isTrue(request, 'Approved')) {
      const message = 'Not signing CertificateRequest until it is Approved';
      void recorder.event(request, 'Normal', 'WaitingForApproval', message);
      return undefined;
    }
    if (['Failed', 'Issued'].includes(conditionOf(request, 'Ready')?.reason)) return undefined;
    const issuer = manager.issuerFor(spec.issuerRef, metadata.namespace ?? '');
    if (!issuer) {
      const kind = issuerKind(spec.issuerRef);
      return report.pending('IssuerNotFound', `Referenced ${quote(kind)} not found`, notFound(request));
    }
    const found = typeOf(issuer);
    if (!found) {
      const where = `${issuer.metadata.namespace ?? ''}/${issuer.metadata.name}`;
      return report.pending('IssuerTypeMissing', 'Missing issuer type', `no issuer specified for Issuer '${where}'`);
    }
    if (found !== type) return undefined;
    if (!isTrue(issuer, 'Ready'))
      return report.pending('IssuerNotReady', 'Referenced issuer does not have a Ready status condition');
    if (request.status?.certificate || !sign) return undefined;
    const log = manager.log.named('sign').with({ ...about(request), ...about(issuer, 'related_resource') });
    const answer = await sign({ request, issuer, report, recorder, log });
    if (!answer) return undefined;
    if ('status' in answer) return answer.status;
    const { certificate, ca } = answer.issued;
    try {
      readCertificate(certificate);
    } catch (error) {
      const hint =
        type === 'ca'
          ? ": with CA issuers, ensure the Certificate's secretName is different from the CA issuer's secretName to avoid overwriting the CA secret"
          : '';
      const message = `Failed to decode returned certificate${hint}`;
      return report.failed('DecodeError', message, (error as Error).message);
    }
    return report.ready(base64(certificate), ca && base64(ca));
  }

  return async (key: string): Promise<void> => {
    const [namespace, name] = split(key);
    const request = manager.informer(requests).get(name, namespace);
    if (!request || request.metadata.deletionTimestamp) return;
    const { group } = request.spec.issuerRef;
    if (group && group !== 'cert-manager.io') return;
    const status = await judge(request);
    if (status) await manager.writeStatus(requests, request, status);
  };
}
