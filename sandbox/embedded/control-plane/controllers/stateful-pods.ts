import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, Loose, OwnerReference } from '../../../../kubernetes/object.ts';
import { alreadyExists, type Controller, type ControllerContext, isNotFound, namespaceTerminating } from './context.ts';
import { podFromTemplate } from './pod-template.ts';
import { controllerReference } from './references.ts';
import { claims as claimResource, pods as podResource } from './resources.ts';

export const revisionLabel = 'controller-revision-hash';

/** `3` of `web-3`; -1 for a pod of another name. */
export function ordinalOf(set: KubeObject, pod: KubeObject): number {
  const prefix = `${set.metadata.name}-`;
  const name = pod.metadata.name ?? '';
  const rest = name.startsWith(prefix) ? name.slice(prefix.length) : '';
  return /^\d+$/.test(rest) ? Number(rest) : -1;
}

/** A pod with a name, a host name and claims of its own. https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#pod-identity */
export function statefulPod(set: KubeObject, template: Loose, revision: string, ordinal: number): KubeObject {
  const pod = podFromTemplate(template, set);
  const name = `${set.metadata.name}-${ordinal}`;
  pod.metadata.name = name;
  pod.metadata.labels = {
    ...pod.metadata.labels,
    [revisionLabel]: revision,
    'statefulset.kubernetes.io/pod-name': name,
    'apps.kubernetes.io/pod-index': String(ordinal),
  };
  const templates: Loose[] = set.spec.volumeClaimTemplates ?? [];
  const names = new Set(templates.map((claim) => claim.metadata.name));
  const volumes = [
    ...templates.map((claim) => ({
      name: claim.metadata.name,
      persistentVolumeClaim: { claimName: claimName(set, claim, ordinal) },
    })),
    ...(template.spec.volumes ?? []).filter((volume: Loose) => !names.has(volume.name)),
  ];
  pod.spec = { ...template.spec, hostname: name, ...(set.spec.serviceName && { subdomain: set.spec.serviceName }) };
  if (volumes.length > 0) pod.spec.volumes = volumes;
  return pod;
}

function claimName(set: KubeObject, template: Loose, ordinal: number): string {
  return `${template.metadata.name}-${set.metadata.name}-${ordinal}`;
}

/** Makes and deletes a StatefulSet's pods and their claims, and tells of it. */
export interface StatefulPods {
  create(set: KubeObject, pod: KubeObject, ordinal: number): Promise<KubeObject>;
  remove(set: KubeObject, pod: KubeObject): Promise<void>;
  ensureClaims(set: KubeObject, podName: string, ordinal: number): Promise<void>;
  /** Makes the claims of a pod go with it, or stay, as the retention policy says. */
  retain(set: KubeObject, pod: KubeObject, condemned: boolean): Promise<void>;
  /** Whether a claim of this ordinal still belongs to a pod that was there before. */
  hasStaleClaim(set: KubeObject, ordinal: number): boolean;
  isLeaving(pod: KubeObject): boolean;
}

export function createStatefulPods(context: ControllerContext, { client, recorder }: Controller): StatefulPods {
  const pods = context.informer(podResource);
  const claims = context.informer(claimResource);
  const leaving = new Set<string>();
  pods.on((now, before) => {
    if (!now || now.metadata.deletionTimestamp) leaving.delete((now ?? before)!.metadata.uid!);
  });

  async function told<T>(set: KubeObject, verb: string, name: string, work: () => Promise<T>): Promise<T> {
    const subject = `${verb} Pod ${name} in StatefulSet ${set.metadata.name}`;
    try {
      const result = await work();
      void recorder.event(set, 'Normal', `Successful${verb}`, `${subject} successful`);
      return result;
    } catch (error) {
      if (!alreadyExists(error) && !isNotFound(error) && !namespaceTerminating(error)) {
        void recorder.event(set, 'Warning', `Failed${verb}`, `${subject} failed error: ${(error as Error).message}`);
      }
      throw error;
    }
  }

  const self: StatefulPods = {
    isLeaving: (pod) => leaving.has(pod.metadata.uid!),
    hasStaleClaim: (set, ordinal) =>
      set.spec.persistentVolumeClaimRetentionPolicy?.whenScaled === 'Delete' &&
      (set.spec.volumeClaimTemplates ?? []).some((template: Loose) =>
        claims
          .get(claimName(set, template, ordinal), set.metadata.namespace)
          ?.metadata.ownerReferences?.some(
            ({ kind, name }) => kind === 'Pod' && name === `${set.metadata.name}-${ordinal}`,
          ),
      ),
    async create(set, pod, ordinal) {
      await self.ensureClaims(set, pod.metadata.name!, ordinal);
      const made = await told(set, 'Create', pod.metadata.name!, () => client.create(podResource, pod));
      pods.observe(made);
      return made;
    },
    async remove(set, pod) {
      const { name, namespace, uid } = pod.metadata;
      if (leaving.has(uid!)) return;
      leaving.add(uid!);
      try {
        await told(set, 'Delete', name!, () =>
          client.delete(podResource, name!, namespace, { preconditions: { uid: uid! } }),
        );
      } catch (error) {
        leaving.delete(uid!);
        if (!isNotFound(error)) throw error;
      }
    },
    async ensureClaims(set, podName, ordinal) {
      for (const template of set.spec.volumeClaimTemplates ?? []) {
        const name = claimName(set, template, ordinal);
        const { namespace } = set.metadata;
        const held = claims.get(name, namespace);
        if (held?.metadata.deletionTimestamp) throw new Error(`pvc ${name} is being deleted`);
        if (held) continue;
        const labels = { ...template.metadata.labels, ...set.spec.selector.matchLabels };
        const { status: _, ...rest } = template;
        const object: KubeObject = {
          ...rest,
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          metadata: { ...template.metadata, name, namespace, labels },
        };
        const subject = `Create Claim ${name}`;
        const place = `Pod ${podName} in StatefulSet ${set.metadata.name}`;
        try {
          claims.observe(await client.create(claimResource, object));
          void recorder.event(set, 'Normal', 'SuccessfulCreate', `${subject} ${place} success`);
        } catch (error) {
          if (alreadyExists(error)) continue;
          if (namespaceTerminating(error)) throw error;
          const { message } = error as Error;
          void recorder.event(set, 'Warning', 'FailedCreate', `${subject} for ${place} failed error: ${message}`);
          throw new Error(`failed to create PVC ${name}: ${message}`);
        }
      }
    },
    async retain(set, pod, condemned) {
      const policy = set.spec.persistentVolumeClaimRetentionPolicy ?? {};
      for (const template of set.spec.volumeClaimTemplates ?? []) {
        const claim = claims.get(claimName(set, template, ordinalOf(set, pod)), set.metadata.namespace);
        if (!claim) continue;
        const mine = (owner: OwnerReference) =>
          (owner.kind === 'StatefulSet' && owner.name === set.metadata.name) ||
          (owner.kind === 'Pod' && owner.name === pod.metadata.name);
        const held = claim.metadata.ownerReferences ?? [];
        const ownerReferences = held.filter((owner) => !mine(owner));
        if (ownerReferences.some((owner) => owner.controller)) {
          const message = `PersistentVolumeClaim ${claim.metadata.name} has a conflicting OwnerReference that acts as a manging controller, the retention policy is ignored for this claim`;
          void recorder.event(set, 'Warning', 'ConflictingController', message);
        } else if (condemned && policy.whenScaled === 'Delete') ownerReferences.push(controllerReference(pod));
        else if (policy.whenDeleted === 'Delete' && !(condemned && policy.whenScaled === 'Delete'))
          ownerReferences.push(controllerReference(set));
        if (isDeepStrictEqual(ownerReferences, held)) continue;
        const metadata = { ...claim.metadata, ownerReferences };
        claims.observe(await client.update(claimResource, { ...claim, metadata }));
      }
    },
  };
  return self;
}
