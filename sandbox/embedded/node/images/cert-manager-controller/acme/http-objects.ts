import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { controllerReference, solverLabel } from '../objects.ts';
import type { Options } from '../options.ts';

const port = 8089;
const generateName = 'cm-acme-http-solver-';

/** https://www.rfc-editor.org/rfc/rfc1950#section-8.2, as labels have it: in decimal. */
function adler32(text: string): string {
  let [one, two] = [1, 0];
  for (const byte of Buffer.from(text)) {
    one = (one + byte) % 65521;
    two = (two + one) % 65521;
  }
  return String(two * 65536 + one);
}

/** Labels that tell which challenge an object answers. */
export function labelsOf({ spec }: KubeObject): Record<string, string> {
  return {
    'acme.cert-manager.io/http-domain': adler32(spec.dnsName),
    'acme.cert-manager.io/http-token': adler32(spec.token),
    [solverLabel]: 'true',
  };
}

function metadataOf(challenge: KubeObject, { solverLabels }: Options, annotations: Record<string, string>) {
  return {
    generateName,
    namespace: challenge.metadata.namespace ?? '',
    labels: { ...solverLabels, ...labelsOf(challenge) },
    annotations,
    ownerReferences: [controllerReference(challenge)],
  };
}

/** The pod that knows the answer. */
export function podOf(challenge: KubeObject, options: Options): KubeObject {
  const { dnsName, token, key, solver } = challenge.spec;
  const pod: KubeObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: metadataOf(challenge, options, {
      'sidecar.istio.io/inject': 'false',
      'cluster-autoscaler.kubernetes.io/safe-to-evict': 'true',
    }),
    spec: {
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      nodeSelector: { 'kubernetes.io/os': 'linux' },
      restartPolicy: 'OnFailure',
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'acmesolver',
          image: options.solverImage,
          imagePullPolicy: 'IfNotPresent',
          args: [`--listen-port=${port}`, `--domain=${dnsName}`, `--token=${token}`, `--key=${key}`],
          resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { cpu: '100m', memory: '64Mi' } },
          ports: [{ name: 'http', containerPort: port }],
          securityContext: {
            readOnlyRootFilesystem: true,
            allowPrivilegeEscalation: false,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    },
  };
  const template: Loose = solver.http01?.ingress?.podTemplate ?? solver.http01?.gatewayHTTPRoute?.podTemplate;
  return template ? merged(pod, template) : pod;
}

/** What a solver's podTemplate may say. */
function merged(pod: KubeObject, { metadata = {}, spec = {} }: Loose): KubeObject {
  const { nodeSelector, tolerations, resources, securityContext, ...rest } = spec;
  const [container] = pod.spec.containers;
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      labels: { ...pod.metadata.labels, ...metadata.labels },
      annotations: { ...pod.metadata.annotations, ...metadata.annotations },
    },
    spec: {
      ...pod.spec,
      ...rest,
      nodeSelector: { ...pod.spec.nodeSelector, ...nodeSelector },
      ...(tolerations && { tolerations }),
      ...(securityContext && { securityContext }),
      containers: [
        {
          ...container,
          resources: {
            requests: { ...container.resources.requests, ...resources?.requests },
            limits: { ...container.resources.limits, ...resources?.limits },
          },
        },
      ],
    },
  };
}

export function serviceOf(challenge: KubeObject, options: Options): KubeObject {
  const { ingress, gatewayHTTPRoute } = challenge.spec.solver.http01 ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadataOf(challenge, options, { 'auth.istio.io/8089': 'NONE' }),
    spec: {
      type: (ingress ?? gatewayHTTPRoute)?.serviceType || 'NodePort',
      ports: [{ name: 'http', port, targetPort: port }],
      selector: labelsOf(challenge),
    },
  };
}

export function pathOf({ spec }: KubeObject, service: string): Loose {
  return {
    path: `/.well-known/acme-challenge/${spec.token}`,
    pathType: 'Exact',
    backend: { service: { name: service, port: { number: port } } },
  };
}

export function ingressOf(challenge: KubeObject, service: string, options: Options): KubeObject {
  const { dnsName, solver } = challenge.spec;
  const { class: named, ingressClassName, ingressTemplate } = solver.http01.ingress;
  const { labels = {}, annotations = {} } = ingressTemplate?.metadata ?? {};
  const everywhere = 'nginx.ingress.kubernetes.io/whitelist-source-range';
  const restricted = Object.keys(annotations).some((name) => name.endsWith('/whitelist-source-range'));
  const metadata = metadataOf(challenge, options, {
    ...(!restricted && { [everywhere]: '0.0.0.0/0,::/0' }),
    ...(named !== undefined && { 'kubernetes.io/ingress.class': named }),
    ...annotations,
  });
  const isAddress = /^[\d.]+$|:/.test(dnsName);
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { ...metadata, labels: { ...metadata.labels, ...labels } },
    spec: {
      ...(ingressClassName !== undefined && { ingressClassName }),
      rules: [{ ...(!isAddress && { host: dnsName }), http: { paths: [pathOf(challenge, service)] } }],
    },
  };
}
