import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import type { Client } from '../../../client/client.ts';
import { certificateFaults, readDurations } from './certificate-rules.ts';
import { aggregate, forbidden } from './field-errors.ts';
import { readDuration } from './go-duration.ts';
import { issuerFaults, readIssuerDurations } from './issuer-rules.ts';
import { challengeUpdateFaults, orderUpdateFaults } from './order-rules.ts';
import { identityFaults, identityUpdateFaults, requestFaults, requestUpdateFaults } from './request-rules.ts';

const accessReviews = { group: 'authorization.k8s.io', version: 'v1', resource: 'subjectaccessreviews' };

/** The answer to one AdmissionReview. https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#webhook-request-and-response */
export async function answerReview(review: Loose, path: string, client: Client): Promise<Loose> {
  const { request } = review;
  const response = path === '/mutate' ? mutate(request) : await validate(request, client);
  return { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', response: { uid: request.uid, ...response } };
}

const allowed = { allowed: true, status: { metadata: {}, code: 200 } };

const refused = (code: number, message: string, reason?: string): Loose => ({
  allowed: false,
  status: { metadata: {}, message, ...(reason && { reason }), code },
});

/** A CertificateRequest tells who made it: the API knows, and the webhook writes it down. */
function mutate({ resource, operation, object, userInfo = {} }: Loose): Loose {
  if (operation !== 'CREATE' || resource?.group !== 'cert-manager.io' || resource.resource !== 'certificaterequests')
    return allowed;
  const { extra: _, ...spec } = object.spec;
  const { uid = '', username = '', groups = [], extra } = userInfo;
  const value = { ...spec, uid, username, groups, ...(extra && Object.keys(extra).length > 0 && { extra }) };
  const patch = Buffer.from(JSON.stringify([{ op: 'replace', path: '/spec', value }])).toString('base64');
  return { ...allowed, patchType: 'JSONPatch', patch };
}

async function validate(request: Loose, client: Client): Promise<Loose> {
  const { operation, object, oldObject } = request;
  if (operation !== 'CREATE' && operation !== 'UPDATE') return allowed;
  try {
    for (const one of operation === 'UPDATE' ? [object, oldObject] : [object]) decode(one);
  } catch (error) {
    return refused(400, (error as Error).message);
  }
  const warnings: string[] = [];
  const faults = [...(await whoFaults(request, client)), ...(await faultsOf(request, warnings))];
  const message = aggregate(faults);
  const answer = message === undefined ? allowed : refused(403, message, 'Forbidden');
  return warnings.length > 0 ? { ...answer, warnings } : answer;
}

/** Durations are the one thing that a kind's schema lets through and its program cannot read. */
function decode({ kind, spec }: Loose): void {
  if (kind === 'Certificate') readDurations(spec);
  if (kind === 'Issuer' || kind === 'ClusterIssuer') readIssuerDurations(spec);
  if (kind === 'CertificateRequest' && spec?.duration !== undefined) readDuration(spec.duration);
}

async function faultsOf({ resource, operation, object, oldObject }: Loose, warnings: string[]): Promise<string[]> {
  const isNew = operation === 'CREATE';
  switch (`${resource.resource}.${resource.group}`) {
    case 'certificates.cert-manager.io':
      return certificateFaults(object.spec);
    case 'issuers.cert-manager.io':
    case 'clusterissuers.cert-manager.io': {
      const found = issuerFaults(object.spec);
      warnings.push(...found.warnings);
      return found.faults;
    }
    case 'certificaterequests.cert-manager.io':
      return isNew ? requestFaults(object) : requestUpdateFaults(oldObject, object);
    case 'orders.acme.cert-manager.io':
      return isNew ? [] : orderUpdateFaults(oldObject, object);
    case 'challenges.acme.cert-manager.io':
      return isNew ? [] : challengeUpdateFaults(oldObject, object);
    default:
      return [];
  }
}

/** Who asks, and who may approve. */
async function whoFaults(request: Loose, client: Client): Promise<string[]> {
  const { resource, subResource, operation, object, oldObject, userInfo } = request;
  if (resource?.group !== 'cert-manager.io' || resource.resource !== 'certificaterequests') return [];
  if (operation === 'CREATE') return identityFaults(object.spec, userInfo);
  const faults = identityUpdateFaults(oldObject.spec, object.spec);
  const judged = (one: Loose, type: string): boolean =>
    Boolean(one.status?.conditions?.some((condition: Loose) => condition.type === type));
  const isVerdict = ['Approved', 'Denied'].some((type) => judged(object, type) && !judged(oldObject, type));
  if (subResource !== 'status' || !isVerdict || (await mayApprove(object, userInfo, client))) return faults;
  const { name = '', kind = '', group = '' } = object.spec.issuerRef;
  const ref = `{${name} ${kind} ${group}}`;
  const why = `user "${userInfo.username}" does not have permissions to set approved/denied conditions for issuer ${ref}`;
  return [...faults, forbidden('status.conditions', why)];
}

/** By a right on the issuer's signer name: https://cert-manager.io/docs/usage/certificaterequest/#rbac-syntax */
async function mayApprove({ metadata, spec }: Loose, user: Loose, client: Client): Promise<boolean> {
  const { name = '', kind = 'Issuer', group = 'cert-manager.io' } = spec.issuerRef;
  const plural = `${(kind || 'Issuer').toLowerCase()}s.${group || 'cert-manager.io'}`;
  const own = kind === 'ClusterIssuer' ? name : `${metadata.namespace}.${name}`;
  for (const signer of [`${plural}/*`, `${plural}/${own}`]) {
    const review: KubeObject = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      metadata: {},
      spec: {
        user: user.username,
        uid: user.uid,
        groups: user.groups,
        extra: user.extra,
        resourceAttributes: {
          group: 'cert-manager.io',
          resource: 'signers',
          verb: 'approve',
          version: '*',
          name: signer,
        },
      },
    };
    try {
      if ((await client.create(accessReviews, review)).status.allowed) return true;
    } catch {
      return false;
    }
  }
  return false;
}
