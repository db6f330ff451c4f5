import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../../../../../kubernetes/object.ts';
import { readCertificateRequest } from '../../certificate-request.ts';
import type { ResourceCall } from '../call.ts';
import { forbidden } from '../errors.ts';

/** Who may approve and sign, by signer; and that nobody becomes a master by a signature. Throws 403. */
export function checkCertificateRequest(call: ResourceCall, object: KubeObject, old: KubeObject | undefined): void {
  if (call.type.collection !== 'certificates.k8s.io/certificatesigningrequests') return;
  const refuse = (why: string): Error => forbidden(call.type, object.metadata.name ?? '', why);
  if (!old) {
    const signer = 'kubernetes.io/kube-apiserver-client';
    if (object.spec.signerName !== signer) return;
    const { organizations } = readCertificateRequest(Buffer.from(object.spec.request, 'base64'));
    if (organizations.includes('system:masters'))
      throw refuse(`use of ${signer} signer with system:masters group is not allowed`);
    return;
  }
  const { signerName } = old.spec;
  const { subresource } = call.info;
  if (subresource === 'approval' && !may(call, 'approve', signerName))
    throw refuse(`user not permitted to approve requests with signerName ${JSON.stringify(signerName)}`);
  const { certificate, conditions } = object.status ?? {};
  const same =
    certificate === old.status?.certificate && isDeepStrictEqual(conditions ?? [], old.status?.conditions ?? []);
  if (subresource === 'status' && !same && !may(call, 'sign', signerName))
    throw refuse(`user not permitted to sign requests with signerName ${JSON.stringify(signerName)}`);
}

function may({ services, user }: ResourceCall, verb: string, signer: string): boolean {
  return [signer, `${signer.split('/')[0]}/*`].some((name) => {
    const resource = { group: 'certificates.k8s.io', resource: 'signers', subresource: '', namespace: '' };
    return services.authorizer.authorize(user, { verb, ...resource, name }).allowed;
  });
}
