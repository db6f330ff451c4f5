import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import { parseBody } from '../body.ts';
import type { ResourceCall } from '../call.ts';
import { badRequest, conflict, invalid, notFound } from '../errors.ts';
import { mustGet } from '../read.ts';
import { contentOf, type Reply } from '../reply.ts';
import { type BoundObject, issuer } from '../service-account-tokens.ts';
import { stamp } from '../stamp.ts';

/** https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/ */
export async function requestToken(call: ResourceCall): Promise<Reply> {
  const { services } = call;
  const request = parseBody(call, 'TokenRequest')?.value ?? {};
  const spec = request.spec ?? {};
  const account = mustGet(call).object;
  const seconds = spec.expirationSeconds ?? 3600;
  checkSeconds(seconds);
  const audiences: string[] = spec.audiences?.length ? spec.audiences : [issuer];
  const bound = boundObject(call, spec.boundObjectRef);
  const node = bound?.kind === 'Pod' ? nodeOf(call, bound.name) : undefined;
  const { token, expires } = await services.tokens.issue({
    account,
    audiences,
    seconds,
    ...(bound && { bound }),
    ...(node && { node }),
  });
  const answer: Loose = {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: {
      name: account.metadata.name,
      namespace: account.metadata.namespace,
      uid: account.metadata.uid,
      creationTimestamp: stamp(services.clock.now()),
    },
    spec: { audiences, expirationSeconds: seconds, boundObjectRef: spec.boundObjectRef ?? null },
    status: { token, expirationTimestamp: stamp(expires) },
  };
  return { code: 201, content: contentOf(answer) };
}

function checkSeconds(seconds: number): void {
  const message =
    seconds < 600
      ? `Invalid value: ${seconds}: may not specify a duration less than 10 minutes`
      : seconds > 2 ** 32
        ? `Invalid value: ${seconds}: may not specify a duration larger than 2^32 seconds`
        : '';
  if (!message) return;
  throw invalid('TokenRequest', 'authentication.k8s.io', '', [
    { field: 'spec.expirationSeconds', reason: 'FieldValueInvalid', message },
  ]);
}

function boundObject({ services, info }: ResourceCall, reference: Loose): BoundObject | undefined {
  if (!reference) return undefined;
  const resource = { Pod: 'pods', Secret: 'secrets', Node: 'nodes' }[reference.kind as string];
  if (!resource)
    throw badRequest(
      `cannot bind token to object of type ${reference.apiVersion.includes('/') ? reference.apiVersion : `/${reference.apiVersion}`}, Kind=${reference.kind}`,
    );
  const namespace = resource === 'nodes' ? '' : info.namespace;
  const object: KubeObject | undefined = services.store.get(`/${resource}`, namespace, reference.name)?.object;
  if (!object) throw notFound({ group: '', resource }, reference.name);
  const uid = object.metadata.uid ?? '';
  if (reference.uid && reference.uid !== uid)
    throw conflict(
      { group: '', resource },
      reference.name,
      `the UID in the bound object reference (${reference.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  return { kind: reference.kind, name: reference.name, uid };
}

function nodeOf({ services, info }: ResourceCall, pod: string): { name: string; uid?: string } | undefined {
  const name = services.store.get('/pods', info.namespace, pod)?.object.spec?.nodeName;
  if (!name) return undefined;
  const uid = services.store.get('/nodes', '', name)?.object.metadata.uid;
  return { name, ...(uid && { uid }) };
}
