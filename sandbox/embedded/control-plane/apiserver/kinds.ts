/** Kinds that a PUT may create; by collection, as all sets here. */
export const createsOnUpdate: ReadonlySet<string> = new Set([
  'node.k8s.io/runtimeclasses',
  'rbac.authorization.k8s.io/rolebindings',
  'rbac.authorization.k8s.io/clusterrolebindings',
  'rbac.authorization.k8s.io/roles',
  'rbac.authorization.k8s.io/clusterroles',
  'coordination.k8s.io/leases',
  '/limitranges',
  '/events',
  '/services',
  '/endpoints',
]);

/** Kinds whose PUT must name the version it replaces; custom resources do too. */
export const needsVersion: ReadonlySet<string> = new Set([
  'node.k8s.io/runtimeclasses',
  'policy/poddisruptionbudgets',
  'storage.k8s.io/csidrivers',
  'storage.k8s.io/csistoragecapacities',
  'storage.k8s.io/volumeattachments',
  'storage.k8s.io/csinodes',
  'coordination.k8s.io/leases',
  'apiextensions.k8s.io/customresourcedefinitions',
]);

/** Kinds with a metadata.generation, which moves with everything but status and metadata. */
export const countsGenerations: ReadonlySet<string> = new Set([
  'scheduling.k8s.io/priorityclasses',
  'networking.k8s.io/ingressclasses',
  'networking.k8s.io/networkpolicies',
  'networking.k8s.io/ingresses',
  'discovery.k8s.io/endpointslices',
  'policy/poddisruptionbudgets',
  'resource.k8s.io/resourceslices',
  'resource.k8s.io/deviceclasses',
  'flowcontrol.apiserver.k8s.io/flowschemas',
  'flowcontrol.apiserver.k8s.io/prioritylevelconfigurations',
  'admissionregistration.k8s.io/validatingadmissionpolicies',
  'admissionregistration.k8s.io/validatingadmissionpolicybindings',
  'apps/daemonsets',
  'apps/statefulsets',
  'apps/deployments',
  'apps/replicasets',
  'batch/jobs',
  'batch/cronjobs',
  '/pods',
  '/podtemplates',
  '/replicationcontrollers',
  'apiextensions.k8s.io/customresourcedefinitions',
]);
