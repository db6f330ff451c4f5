import type { KubeObject } from '../../../../../kubernetes/object.ts';
import { compareQuantities } from '../../../../../kubernetes/quantity.ts';
import type { Store } from '../../store/store.ts';
import type { ResourceCall } from '../call.ts';
import { forbidden } from '../errors.ts';

/** https://kubernetes.io/docs/concepts/storage/storage-classes/#default-storageclass */
export function admitClaim({ services }: ResourceCall, claim: KubeObject): void {
  protect(claim, 'kubernetes.io/pvc-protection');
  if (claim.spec.storageClassName !== undefined) return;
  if (claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] !== undefined) return;
  const classes = defaults(
    services.store,
    'storage.k8s.io/storageclasses',
    'storageclass.kubernetes.io/is-default-class',
  );
  // Of several the newest, as the real one decides.
  classes.sort((a, b) => ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? 1 : -1));
  if (classes[0]) claim.spec.storageClassName = classes[0].metadata.name;
}

/** A claim grows only where its class lets it. https://kubernetes.io/docs/concepts/storage/persistent-volumes/#expanding-persistent-volumes-claims */
export function checkResize({ services, type }: ResourceCall, claim: KubeObject, old: KubeObject): void {
  const [wanted, had] = [claim, old].map(({ spec }) => spec.resources?.requests?.storage as string | undefined);
  if (!wanted || !had || compareQuantities(wanted, had) <= 0 || old.status?.phase !== 'Bound') return;
  const owner = services.store.get('storage.k8s.io/storageclasses', '', old.spec.storageClassName ?? '');
  if (owner?.object.allowVolumeExpansion) return;
  const why =
    'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize';
  throw forbidden(type, claim.metadata.name ?? '', why);
}

/** What is in use is not deleted under its user's feet. */
export function protect(object: KubeObject, finalizer: string): void {
  const { metadata } = object;
  if (!metadata.finalizers?.includes(finalizer)) metadata.finalizers = [...(metadata.finalizers ?? []), finalizer];
}

/** https://kubernetes.io/docs/concepts/services-networking/ingress/#default-ingress-class */
export function admitIngress(call: ResourceCall, ingress: KubeObject): void {
  if (ingress.spec.ingressClassName !== undefined) return;
  if (ingress.metadata.annotations?.['kubernetes.io/ingress.class'] !== undefined) return;
  const classes = defaults(
    call.services.store,
    'networking.k8s.io/ingressclasses',
    'ingressclass.kubernetes.io/is-default-class',
  );
  if (classes.length > 1)
    throw forbidden(
      call.type,
      ingress.metadata.name ?? '',
      `${classes.length} default IngressClasses were found, only 1 allowed`,
    );
  if (classes[0]) ingress.spec.ingressClassName = classes[0].metadata.name;
}

function defaults(store: Store, collection: string, annotation: string): KubeObject[] {
  return store
    .list(collection)
    .map((entry) => entry.object)
    .filter((object) => object.metadata.annotations?.[annotation] === 'true');
}
