import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { controllerReference } from './references.ts';

const texts = new WeakMap<object, string>();

/** JSON with sorted keys; null and absent are one. */
export function canonical(value: Loose): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  let text = texts.get(value);
  if (text === undefined) {
    text = Array.isArray(value)
      ? `[${value.map(canonical).join()}]`
      : `{${Object.keys(value)
          .filter((key) => value[key] !== null && value[key] !== undefined)
          .sort()
          .map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`)
          .join()}}`;
    // Objects are frozen by agreement, so a text stays true.
    texts.set(value, text);
  }
  return text;
}

export const templateHashLabel = 'pod-template-hash';

/** A Deployment's template equals a ReplicaSet's when they differ in the hash label alone. */
export function sameTemplate(a: Loose, b: Loose): boolean {
  return canonical(withoutHash(a)) === canonical(withoutHash(b));
}

const stripped = new WeakMap<object, Loose>();

function withoutHash(template: Loose): Loose {
  if (!template.metadata?.labels || !(templateHashLabel in template.metadata.labels)) return template;
  let bare = stripped.get(template);
  if (!bare) {
    const { [templateHashLabel]: _, ...labels } = template.metadata.labels;
    bare = { ...template, metadata: { ...template.metadata, labels } };
    stripped.set(template, bare);
  }
  return bare;
}

/** A pod of the template that the owner controls; its name is left to the server. */
export function podFromTemplate(template: Loose, owner: KubeObject): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: `${owner.metadata.name}-`,
      namespace: owner.metadata.namespace!,
      ...(template.metadata?.labels && { labels: { ...template.metadata.labels } }),
      ...(template.metadata?.annotations && { annotations: { ...template.metadata.annotations } }),
      ...(template.metadata?.finalizers && { finalizers: [...template.metadata.finalizers] }),
      ownerReferences: [controllerReference(owner)],
    },
    spec: template.spec,
  };
}
