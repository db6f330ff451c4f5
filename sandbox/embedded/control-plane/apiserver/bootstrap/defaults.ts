import { readFileSync } from 'node:fs';
import type { KubeObject } from '../../../../../kubernetes/object.ts';

type Stored = [collection: string, object: KubeObject];

/** Flow schemas and priority levels, as data of a real server. https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#defaults */
export function* flowControlObjects(now: string): Generator<Stored> {
  const text = readFileSync(new URL('./flow-control.json', import.meta.url), 'utf8');
  for (const object of JSON.parse(text) as KubeObject[]) {
    const level = object.spec.priorityLevelConfiguration?.name;
    if (level)
      object.status.conditions = [
        {
          type: 'Dangling',
          status: 'False',
          lastTransitionTime: now,
          reason: 'Found',
          message: `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(level)} and it exists`,
        },
      ];
    yield [`flowcontrol.apiserver.k8s.io/${object.kind.toLowerCase()}s`, object];
  }
}

/** The range that addresses of Services come from. */
export function serviceRange(now: string): Stored {
  return [
    'networking.k8s.io/servicecidrs',
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'ServiceCIDR',
      metadata: { name: 'kubernetes', finalizers: ['networking.k8s.io/service-cidr-finalizer'] },
      spec: { cidrs: ['10.96.0.0/16'] },
      status: {
        conditions: [
          {
            type: 'Ready',
            status: 'True',
            lastTransitionTime: now,
            reason: '',
            message: 'Kubernetes Service CIDR is ready',
          },
        ],
      },
    },
  ];
}

/** What servers that extend the API read to trust this one, and when legacy tokens began to be tracked. */
export function* configuration(ca: string, now: string): Generator<Stored> {
  yield configMap('extension-apiserver-authentication', {
    'client-ca-file': ca,
    'requestheader-allowed-names': '["front-proxy"]',
    'requestheader-client-ca-file': ca,
    'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
    'requestheader-group-headers': '["X-Remote-Group"]',
    'requestheader-username-headers': '["X-Remote-User"]',
  });
  yield configMap('kube-apiserver-legacy-service-account-token-tracking', { since: now.slice(0, 10) });
}

const configMap = (name: string, data: Record<string, string>): Stored => [
  '/configmaps',
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'kube-system' }, data },
];

/** Whom the controllers act as. */
const controllers =
  'attachdetach-controller certificate-controller clusterrole-aggregation-controller cronjob-controller daemon-set-controller deployment-controller disruption-controller endpoint-controller endpointslice-controller endpointslicemirroring-controller ephemeral-volume-controller expand-controller generic-garbage-collector horizontal-pod-autoscaler job-controller legacy-service-account-token-cleaner namespace-controller node-controller persistent-volume-binder pod-garbage-collector pv-protection-controller pvc-protection-controller replicaset-controller replication-controller resource-claim-controller resourcequota-controller root-ca-cert-publisher service-account-controller service-cidrs-controller statefulset-controller ttl-after-finished-controller ttl-controller validatingadmissionpolicy-status-controller volumeattributesclass-protection-controller';

export function* controllerAccounts(): Generator<Stored> {
  for (const name of controllers.split(' '))
    yield [
      '/serviceaccounts',
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: 'kube-system' } },
    ];
}
