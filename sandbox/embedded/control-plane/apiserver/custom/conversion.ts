import { randomUUID } from 'node:crypto';
import { copyOf, type KubeObject, type Loose } from '../../../../../kubernetes/object.ts';
import { refusal } from '../errors.ts';
import type { Conversion } from '../resource-type.ts';
import type { Services } from '../services.ts';

const seconds = 30;

/**
 * Between the versions of a definition. Without a webhook they differ by name alone; with one, it is asked beforehand,
 * for many objects at once. https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#webhook-conversion
 * @param clean makes an object what the schema of the version says, in place
 */
export function conversionOf(
  services: Services,
  definition: KubeObject,
  apiVersion: string,
  storedVersion: string,
  clean: (object: KubeObject) => void,
): Conversion {
  const named = (object: KubeObject, version: string): KubeObject =>
    object.apiVersion === version ? object : { ...object, apiVersion: version };
  const { conversion } = definition.spec;
  return {
    toStored: (object) => named(object, storedVersion),
    fromStored(object) {
      const converted = copyOf(named(object, apiVersion));
      clean(converted);
      return converted;
    },
    ...(conversion?.strategy === 'Webhook' && {
      async convert(objects, version) {
        const others = objects.filter((object) => object.apiVersion !== version);
        if (others.length === 0) return objects;
        const converted = await ask(services, definition, others, version);
        if (version === apiVersion) for (const object of converted) clean(object);
        return objects.map((object) => (object.apiVersion === version ? object : (converted.shift() as KubeObject)));
      },
    }),
  };
}

async function ask(
  { caller }: Services,
  { spec }: KubeObject,
  objects: KubeObject[],
  desiredAPIVersion: string,
): Promise<KubeObject[]> {
  const { clientConfig, conversionReviewVersions: versions = [] } = spec.conversion.webhook ?? {};
  const from = objects[0]?.apiVersion ?? '';
  const fail = (why: string): Error => {
    const message = `conversion webhook for ${from}, Kind=${spec.names.kind} failed: ${why}`;
    return refusal(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] });
  };
  const version = versions.find((one: string) => one === 'v1' || one === 'v1beta1') ?? 'v1';
  const uid = randomUUID();
  const review = {
    kind: 'ConversionReview',
    apiVersion: `apiextensions.k8s.io/${version}`,
    request: { uid, desiredAPIVersion, objects },
  };
  const answer = await caller.post(clientConfig, review, seconds).catch((error: Error) => {
    throw fail(error.message);
  });
  let response: Loose;
  try {
    response = JSON.parse(answer.text)?.response;
  } catch {
    response = undefined;
  }
  if (answer.code >= 300) throw fail(`the server responded with the status code ${answer.code}`);
  if (!response) throw fail('no response provided');
  if (response.uid !== uid)
    throw fail(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`);
  if (response.result?.status !== 'Success') throw fail(response.result?.message || 'unknown reason');
  const converted: KubeObject[] = response.convertedObjects ?? [];
  if (converted.length !== objects.length)
    throw fail(`webhook returned ${converted.length} objects, expected ${objects.length}`);
  return converted.map((object, index) =>
    checked(object, objects[index] as KubeObject, desiredAPIVersion, index, fail),
  );
}

/** Only labels and annotations of the metadata are the webhook's to change. */
function checked(
  object: KubeObject,
  original: KubeObject,
  version: string,
  index: number,
  fail: (why: string) => Error,
): KubeObject {
  const refuse = (why: string): Error => fail(`invalid converted object at index ${index}: ${why}`);
  if (object?.apiVersion !== version)
    throw refuse(`invalid groupVersion (expected ${version}, received ${object?.apiVersion})`);
  if (object.kind !== original.kind) throw refuse(`invalid kind (expected ${original.kind}, received ${object.kind})`);
  const { name, namespace, uid } = object.metadata ?? {};
  const was = original.metadata;
  if (name !== was.name) throw refuse(`must have the same name: ${name} != ${was.name}`);
  if (namespace !== was.namespace) throw refuse(`must have the same namespace: ${namespace} != ${was.namespace}`);
  if (uid !== was.uid) throw refuse(`must have the same UID: ${uid} != ${was.uid}`);
  const { labels, annotations } = object.metadata;
  const metadata = { ...was, ...(labels && { labels }), ...(annotations && { annotations }) };
  if (!labels) delete metadata.labels;
  if (!annotations) delete metadata.annotations;
  return { ...object, metadata };
}
