import { execFile } from 'node:child_process';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Gvr } from '../../../../../../../kubernetes/object.ts';
import { certificates } from './installed.ts';
import { directory, openWithInternet, type WithInternet } from './internet.ts';

const run = promisify(execFile);
const services: Gvr = { group: '', version: 'v1', resource: 'services' };
const deployments: Gvr = { group: 'apps', version: 'v1', resource: 'deployments' };
const host = 'jupyter.learner.localhost';

let whole: WithInternet;
let address: string;
beforeAll(async () => {
  whole = await openWithInternet({ entire: true });
  await helm('traefik', 'learner-ingress');
  await whole.until(deployments, 'traefik', (one) => one.status?.readyReplicas);
  const service = await whole.until(services, 'traefik', (one) => one.status?.loadBalancer?.ingress?.[0]?.ip);
  address = service.status.loadBalancer.ingress[0].ip;
});
afterAll(() => whole?.close());

async function helm(chart: string, namespace: string): Promise<void> {
  const path = new URL(`../../../../../../../manifests/charts/${chart}`, import.meta.url).pathname;
  const env = { PATH: process.env.PATH, HOME: whole.kubeconfig.replace(/[^/]+$/, ''), KUBECONFIG: whole.kubeconfig };
  await run(process.env.ATELIER_HELM ?? 'helm', ['install', chart, path, '-n', namespace, '--create-namespace'], {
    env,
  });
}

/** The certificate that Traefik shows for the host, and whether it leads to the workshop's root. */
async function shown(): Promise<{ authorized: boolean; error: unknown; issuer: string; chain: number }> {
  const raw = await whole.machines.network.connect(address, 443);
  return new Promise((resolve, reject) => {
    const socket = connect({ socket: raw, servername: host, ca: whole.root, rejectUnauthorized: false });
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      const peer = socket.getPeerCertificate(true);
      let chain = 1;
      for (let at = peer; at.issuerCertificate && at.issuerCertificate !== at; at = at.issuerCertificate) chain += 1;
      resolve({
        authorized: socket.authorized,
        error: socket.authorizationError,
        issuer: peer.issuer?.CN as string,
        chain,
      });
      socket.destroy();
    });
  });
}

it('an Ingress with one annotation is served with a certificate that verifies', async () => {
  await expect.poll(shown).toMatchObject({ authorized: false });
  await whole.give(`
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: { name: letsencrypt }
spec:
  acme:
    server: ${directory}
    email: me@learner.localhost
    privateKeySecretRef: { name: letsencrypt }
    solvers: [{ http01: { ingress: { ingressClassName: traefik } } }]
---
apiVersion: v1
kind: Pod
metadata: { name: jupyter, namespace: default, labels: { app: jupyter } }
spec: { containers: [{ name: nginx, image: "nginx:1.27" }] }
---
apiVersion: v1
kind: Service
metadata: { name: jupyter, namespace: default }
spec: { selector: { app: jupyter }, ports: [{ port: 80 }] }
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: jupyter
  namespace: default
  annotations: { cert-manager.io/cluster-issuer: letsencrypt }
spec:
  ingressClassName: traefik
  tls: [{ hosts: [${host}], secretName: jupyter-tls }]
  rules:
    - host: ${host}
      http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: jupyter, port: { number: 80 } } } }] }
`);
  // Nobody has told the world where the host is: the authority cannot look, either.
  await expect
    .poll(() => whole.kubectl('get', 'challenges', '-o', 'jsonpath={.items[*].status.reason}'))
    .toContain(`lookup ${host} on 10.96.0.10:53: no such host`);
  whole.machines.zone.change({ create: [{ name: '*.learner.localhost', type: 'A', ttl: 1, targets: [address] }] });
  await whole.ready(certificates, 'jupyter-tls');
  await expect.poll(shown).toMatchObject({ authorized: true, error: null });
  expect((await shown()).chain).toBeGreaterThanOrEqual(2);
});
