import { X509Certificate } from 'node:crypto';
import type { Gvr, KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { type CertificateRequest, readCertificateRequest } from '../certificate-request.ts';
import { type ControllerContext, createController, isNotFound } from './context.ts';

const requests: Gvr = { group: 'certificates.k8s.io', version: 'v1', resource: 'certificatesigningrequests' };
const accessReviews: Gvr = { group: 'authorization.k8s.io', version: 'v1', resource: 'subjectaccessreviews' };

const hour = 3_600_000;
const clientSigner = 'kubernetes.io/kube-apiserver-client';
const kubeletSigner = 'kubernetes.io/kube-apiserver-client-kubelet';
const servingSigner = 'kubernetes.io/kubelet-serving';

const conditionOf = (request: KubeObject, type: string): Loose =>
  request.status?.conditions?.find((one: Loose) => one.type === type);

/** Approves what kubelets ask for themselves, signs what is approved, clears away what is old. https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/ */
export function startCertificates(context: ControllerContext): void {
  const { client, queue: makeQueue } = createController(context, 'certificate-controller');
  const informer = context.informer(requests);
  const queue = makeQueue(sync);
  informer.on((now) => {
    if (now) queue.add(now.metadata.name!);
  });
  sweep();

  async function sync(name: string): Promise<void> {
    await informer.synced;
    const request = informer.get(name);
    if (!request || request.status?.certificate || conditionOf(request, 'Failed')) return;
    if (conditionOf(request, 'Approved')) return sign(request);
    if (!conditionOf(request, 'Denied')) return approve(request);
  }

  async function sign(request: KubeObject): Promise<void> {
    const { signerName, usages = [], expirationSeconds, request: encoded } = request.spec;
    const check = checks[signerName];
    if (!check || !context.sign) return;
    const pem = Buffer.from(encoded, 'base64');
    const fault = check(readCertificateRequest(pem), usages);
    const status: Loose = { ...request.status };
    if (fault) {
      const failed = { type: 'Failed', status: 'True', reason: 'SignerValidationFailure', message: fault };
      status.conditions = [...status.conditions, failed];
    } else {
      const certificate = await context.sign({
        request: pem.toString('utf8'),
        usages,
        now: context.clock.now(),
        ...(expirationSeconds !== undefined && { seconds: expirationSeconds }),
      });
      status.certificate = Buffer.from(certificate).toString('base64');
    }
    await client.update(requests, { ...request, status }, 'status');
  }

  async function approve(request: KubeObject): Promise<void> {
    const { signerName, usages = [], username, groups, uid, extra } = request.spec;
    if (signerName !== kubeletSigner) return;
    const asked = readCertificateRequest(Buffer.from(request.spec.request, 'base64'));
    if (kubeletFault(asked, usages)) return;
    const kinds: [string, string][] = [
      ['nodeclient', 'Auto approving kubelet client certificate after SubjectAccessReview.'],
    ];
    if (username === asked.commonName)
      kinds.unshift(['selfnodeclient', 'Auto approving self kubelet client certificate after SubjectAccessReview.']);
    for (const [subresource, message] of kinds) {
      const resourceAttributes = {
        group: requests.group,
        resource: requests.resource,
        version: '*',
        verb: 'create',
        subresource,
      };
      const review = await client.create(accessReviews, {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        metadata: {},
        spec: { user: username, groups, uid, extra, resourceAttributes },
      });
      if (!review.status?.allowed) continue;
      const approved = { type: 'Approved', status: 'True', reason: 'AutoApproved', message };
      const status = { ...request.status, conditions: [...(request.status?.conditions ?? []), approved] };
      await client.update(requests, { ...request, status }, 'approval');
      return;
    }
  }

  function sweep(): void {
    const timer = context.clock.after(hour, () => {
      for (const request of informer.list())
        if (isOver(request, context))
          client.delete(requests, request.metadata.name!).catch((error) => {
            if (!isNotFound(error)) context.log(`certificates: ${error}`);
          });
      sweep();
    });
    context.signal.addEventListener('abort', () => timer.cancel(), { once: true });
  }
}

/** An hour after a decision, a day without one, or with its certificate. */
function isOver(request: KubeObject, { age, clock }: ControllerContext): boolean {
  const { conditions = [], certificate } = request.status ?? {};
  if (conditions.length === 0) return age(request.metadata.creationTimestamp ?? undefined) > 24 * hour;
  if (certificate && conditionOf(request, 'Approved') && isExpired(certificate, clock.now())) return true;
  return conditions.some(({ type, lastUpdateTime }: Loose) => {
    if (type === 'Denied' || type === 'Failed') return age(lastUpdateTime) > hour;
    return type === 'Approved' && age(lastUpdateTime) > (certificate ? hour : 24 * hour);
  });
}

function isExpired(certificate: string, now: Date): boolean {
  try {
    return new X509Certificate(Buffer.from(certificate, 'base64')).validToDate < now;
  } catch {
    // Signed by somebody else, who may have put anything there.
    return false;
  }
}

type Check = (asked: CertificateRequest, usages: string[]) => string;

const same = (one: string[], other: string[]): boolean => [...one].sort().join() === [...other].sort().join();

function usageFault(usages: string[], purpose: string): string {
  const wanted = ['digital signature', 'key encipherment', purpose];
  const without = ['digital signature', purpose];
  if (same(usages, wanted) || same(usages, without)) return '';
  return `usages did not match [${wanted.sort().join(' ')}]`;
}

const nodeName = (asked: CertificateRequest): string =>
  asked.commonName.startsWith('system:node:') ? '' : 'subject common name does not begin with system:node:';

const kubeletFault: Check = (asked, usages) => {
  if (asked.organizations.join() !== 'system:nodes') return 'subject organization is not system:nodes';
  if (asked.dnsNames.length > 0) return 'DNS subjectAltNames are not allowed';
  if (asked.emails.length > 0) return 'Email subjectAltNames are not allowed';
  if (asked.addresses.length > 0) return 'IP subjectAltNames are not allowed';
  if (asked.uris.length > 0) return 'URI subjectAltNames are not allowed';
  return nodeName(asked) || usageFault(usages, 'client auth');
};

/** What each built-in signer refuses. */
const checks: Record<string, Check> = {
  [clientSigner]: (_, usages) => {
    const wrong = usages.find((usage) => !['digital signature', 'key encipherment', 'client auth'].includes(usage));
    if (wrong) return `invalid usage for client certificate: ${wrong}`;
    return usages.includes('client auth') ? '' : 'missing required usage for client certificate: client auth';
  },
  [kubeletSigner]: kubeletFault,
  [servingSigner]: (asked, usages) => {
    if (asked.organizations.join() !== 'system:nodes') return 'subject organization is not system:nodes';
    if (asked.dnsNames.length + asked.addresses.length === 0) return 'DNS or IP subjectAltName is required';
    if (asked.emails.length > 0) return 'Email subjectAltNames are not allowed';
    if (asked.uris.length > 0) return 'URI subjectAltNames are not allowed';
    return usageFault(usages, 'server auth') || nodeName(asked);
  },
};
