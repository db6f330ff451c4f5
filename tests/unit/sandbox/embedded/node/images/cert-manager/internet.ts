import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { Gvr, Loose } from '../../../../../../../kubernetes/object.ts';
import { openWorkshopAuthority } from '../../../../../../../sandbox/embedded/workshop-ca/authority.ts';
import { type Installed, openInstalled } from './installed.ts';

const domain = 'learner.localhost';
export const directory = 'https://acme.atelier-internet.svc.cluster.local/production/directory';
const services: Gvr = { group: '', version: 'v1', resource: 'services' };
const solver = 'acme.cert-manager.io/http01-solver';

export interface WithInternet extends Installed {
  /** PEM of the authority that the ACME server's certificates lead to. */
  root: string;
  /** Points a host at whatever solves its challenge: what an Ingress controller and a record would do. */
  expose(host: string): Promise<void>;
}

/** cert-manager, and the ACME server it can reach. */
export async function openWithInternet(more: { entire?: boolean } = {}): Promise<WithInternet> {
  const home = mkdtempSync(join(tmpdir(), 'atelier-internet-'));
  const { root } = await openWorkshopAuthority({ home, now: new Date() });
  const whole = await openInstalled({ trusted: root, ...more });
  const path = new URL('../../../../../../../sandbox/provision/acme.yaml', import.meta.url);
  const text = readFileSync(path, 'utf8').replace(/\$\{(\w+)\}/g, (_, name: string) => {
    const plain: Record<string, string> = { namespace: 'atelier-internet', domain, digest: 'test' };
    const file = name
      .replace(/(Crt|Key)$/, (end) => `.${end.toLowerCase()}`)
      .replace(/[A-Z]/g, (one) => `-${one.toLowerCase()}`);
    return plain[name] ?? readFileSync(join(home, 'workshop-ca', file)).toString('base64');
  });
  await whole.apply(...parseAllDocuments(text).map((document) => document.toJSON() as Loose));
  await whole.until(
    { group: 'apps', version: 'v1', resource: 'deployments' },
    'acme',
    (one) => one.status?.readyReplicas,
  );
  return {
    ...whole,
    root,
    async expose(host) {
      const name = `web-${host.split('.')[0]}`;
      const service = await whole.client.create(services, {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name, namespace: 'default' },
        spec: { selector: { [solver]: 'true' }, ports: [{ port: 80, targetPort: 8089 }] },
      });
      whole.machines.zone.change({ create: [{ name: host, type: 'A', ttl: 5, targets: [service.spec.clusterIP] }] });
    },
    async close() {
      await whole.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
