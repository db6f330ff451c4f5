import type { KubeObject } from '../../../../kubernetes/object.ts';
import * as access from './access.ts';
import * as admission from './admission.ts';
import { horizontalPodAutoscalers } from './autoscalers.ts';
import { certificateSigningRequests } from './certificates.ts';
import * as cluster from './cluster.ts';
import * as configuration from './configuration.ts';
import * as endpoints from './endpoints.ts';
import { events, newerEvents } from './events.ts';
import * as extensions from './extensions.ts';
import { metadataFaults } from './faults.ts';
import * as limits from './limits.ts';
import { nodeMetrics, podMetrics } from './metrics.ts';
import * as networking from './networking.ts';
import { pods } from './pods.ts';
import { services } from './services.ts';
import * as storage from './storage.ts';
import type { Strategy } from './strategy.ts';
import * as workloads from './workloads.ts';

/** What is particular to each kind, by `group/resource`. */
const particular: Record<string, Strategy> = {
  '/pods': pods,
  '/services': services,
  '/events': events,
  'events.k8s.io/events': newerEvents,
  '/configmaps': configuration.configMaps,
  '/secrets': configuration.secrets,
  '/serviceaccounts': configuration.serviceAccounts,
  '/namespaces': cluster.namespaces,
  '/nodes': cluster.nodes,
  '/componentstatuses': cluster.componentStatuses,
  '/persistentvolumes': storage.persistentVolumes,
  '/persistentvolumeclaims': storage.persistentVolumeClaims,
  '/endpoints': endpoints.endpoints,
  '/resourcequotas': limits.resourceQuotas,
  '/limitranges': limits.limitRanges,
  '/replicationcontrollers': workloads.replicationControllers,
  '/podtemplates': workloads.podTemplates,
  'apps/deployments': workloads.deployments,
  'apps/replicasets': workloads.replicaSets,
  'apps/statefulsets': workloads.statefulSets,
  'apps/daemonsets': workloads.daemonSets,
  'apps/controllerrevisions': workloads.controllerRevisions,
  'batch/jobs': workloads.jobs,
  'batch/cronjobs': workloads.cronJobs,
  'autoscaling/horizontalpodautoscalers': horizontalPodAutoscalers,
  'metrics.k8s.io/nodes': nodeMetrics,
  'metrics.k8s.io/pods': podMetrics,
  'policy/poddisruptionbudgets': limits.podDisruptionBudgets,
  'scheduling.k8s.io/priorityclasses': limits.priorityClasses,
  'discovery.k8s.io/endpointslices': endpoints.endpointSlices,
  'networking.k8s.io/ingresses': networking.ingresses,
  'networking.k8s.io/ingressclasses': networking.ingressClasses,
  'networking.k8s.io/networkpolicies': networking.networkPolicies,
  'networking.k8s.io/servicecidrs': networking.serviceCidrs,
  'networking.k8s.io/ipaddresses': networking.ipAddresses,
  'rbac.authorization.k8s.io/roles': access.roles,
  'rbac.authorization.k8s.io/clusterroles': access.clusterRoles,
  'rbac.authorization.k8s.io/rolebindings': access.roleBindings,
  'rbac.authorization.k8s.io/clusterrolebindings': access.clusterRoleBindings,
  'storage.k8s.io/storageclasses': storage.storageClasses,
  'storage.k8s.io/csidrivers': storage.csiDrivers,
  'storage.k8s.io/csinodes': storage.csiNodes,
  'storage.k8s.io/volumeattachments': storage.volumeAttachments,
  'storage.k8s.io/volumeattributesclasses': storage.volumeAttributesClasses,
  'coordination.k8s.io/leases': cluster.leases,
  'node.k8s.io/runtimeclasses': cluster.runtimeClasses,
  'flowcontrol.apiserver.k8s.io/flowschemas': cluster.flowSchemas,
  'flowcontrol.apiserver.k8s.io/prioritylevelconfigurations': cluster.priorityLevelConfigurations,
  'apiregistration.k8s.io/apiservices': extensions.apiServices,
  'apiextensions.k8s.io/customresourcedefinitions': extensions.customResourceDefinitions,
  'certificates.k8s.io/certificatesigningrequests': certificateSigningRequests,
  'admissionregistration.k8s.io/validatingwebhookconfigurations': admission.validatingWebhooks,
  'admissionregistration.k8s.io/mutatingwebhookconfigurations': admission.mutatingWebhooks,
  'admissionregistration.k8s.io/validatingadmissionpolicies': admission.validatingPolicies,
  'admissionregistration.k8s.io/validatingadmissionpolicybindings': admission.validatingPolicyBindings,
  'resource.k8s.io/deviceclasses': extensions.deviceClasses,
  'resource.k8s.io/resourceclaimtemplates': extensions.deviceClasses,
  'resource.k8s.io/resourceclaims': extensions.resourceClaims,
  'resource.k8s.io/resourceslices': extensions.resourceSlices,
};

/** A kind's strategy with what every kind has: rules for metadata, and defaults before anything reads the object. */
function complete(own: Strategy): Strategy {
  const fill = (object: KubeObject): void => own.defaults?.(object);
  return {
    ...own,
    prepareForCreate(object, context) {
      fill(object);
      own.prepareForCreate?.(object, context);
    },
    prepareForUpdate(object, old, context) {
      fill(object);
      own.prepareForUpdate?.(object, old, context);
    },
    validate: (object, context) => [...metadataFaults(object), ...(own.validate?.(object, context) ?? [])],
  };
}

const known = new Map(Object.entries(particular).map(([key, own]) => [key, complete(own)]));
const plain = complete({});

/** What is particular to a resource, custom ones included; `group` is '' for the core group. */
export const strategyOf = (group: string, resource: string): Strategy => known.get(`${group}/${resource}`) ?? plain;
