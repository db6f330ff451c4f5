import type { Gvr } from '../../../../kubernetes/object.ts';

const core = (resource: string): Gvr => ({ group: '', version: 'v1', resource });
const of = (group: string, resource: string): Gvr => ({ group, version: 'v1', resource });

export const pods = core('pods');
export const services = core('services');
export const endpoints = core('endpoints');
export const replicationControllers = core('replicationcontrollers');
export const nodes = core('nodes');
export const namespaces = core('namespaces');
export const serviceAccounts = core('serviceaccounts');
export const configMaps = core('configmaps');
export const resourceQuotas = core('resourcequotas');
export const volumes = core('persistentvolumes');
export const claims = core('persistentvolumeclaims');
export const deployments = of('apps', 'deployments');
export const replicaSets = of('apps', 'replicasets');
export const statefulSets = of('apps', 'statefulsets');
export const daemonSets = of('apps', 'daemonsets');
export const controllerRevisions = of('apps', 'controllerrevisions');
export const jobs = of('batch', 'jobs');
export const cronJobs = of('batch', 'cronjobs');
export const endpointSlices = of('discovery.k8s.io', 'endpointslices');
export const disruptionBudgets = of('policy', 'poddisruptionbudgets');
export const storageClasses = of('storage.k8s.io', 'storageclasses');
export const clusterRoles = of('rbac.authorization.k8s.io', 'clusterroles');
export const leases = of('coordination.k8s.io', 'leases');
export const customResourceDefinitions = of('apiextensions.k8s.io', 'customresourcedefinitions');
