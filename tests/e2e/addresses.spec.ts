import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Browser, chromium } from '@playwright/test';
import { issue } from '../../sandbox/embedded/workshop-ca/issue.ts';
import { installedChromium } from '../../src/cli/testing/chromium.ts';
import { type Atelier, expect, test } from './atelier.ts';

test.use({ seat: 'addresses' });
// One way to a host: no record, a record, a route, a certificate.
test.describe.configure({ mode: 'serial' });

const HOST = 'app.alice.localhost';
const ROOT = path.resolve(import.meta.dirname, '../..');

const ports = (atelier: Atelier) =>
  JSON.parse(readFileSync(path.join(atelier.home, 'ingress-ports.json'), 'utf8')) as { http: number; https: number };

/** Applies objects as the cluster's administrator. */
function apply(atelier: Atelier, ...items: object[]): void {
  const file = path.join(atelier.home, 'objects.json');
  writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  atelier.kubectl('apply', '-f', file);
}

const workshop = (atelier: Atelier, name: string) => readFileSync(path.join(atelier.home, 'workshop-ca', name), 'utf8');

/** A browser that trusts the workshop's authority, and nobody's resolver. */
async function trusting(atelier: Atelier): Promise<Browser> {
  const keys = ['root.crt', 'intermediate.crt'].map((name) =>
    createHash('sha256')
      .update(new X509Certificate(workshop(atelier, name)).publicKey.export({ type: 'spki', format: 'der' }))
      .digest('base64'),
  );
  const executablePath = installedChromium(process.env, chromium.executablePath());
  return chromium.launch({
    ...(executablePath && { executablePath }),
    args: ['--no-sandbox', '--disable-gpu', `--ignore-certificate-errors-spki-list=${keys.join(',')}`],
  });
}

test('a host without a record is a page that says NXDOMAIN, in the reader’s language', async ({ browser, atelier }) => {
  const { http } = ports(atelier);
  for (const [locale, title] of [
    ['en-GB', `There is no ${HOST}`],
    ['fr-FR', `${HOST} n’existe pas`],
  ]) {
    const context = await browser.newContext({ locale: locale! });
    const page = await context.newPage();
    const answer = await page.goto(`http://${HOST}:${http}/`);
    expect(answer?.status()).toBe(502);
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(title!);
    await expect(page.getByRole('main')).toContainText('NXDOMAIN');
    await expect(page.getByRole('main')).toContainText('alice.localhost');
    await context.close();
  }
});

test('with a record the controller answers, with an Ingress the app', async ({ page, atelier }) => {
  const { http } = ports(atelier);
  const helm = [process.env.ATELIER_HELM ?? 'helm', path.join(ROOT, 'manifests/charts/traefik')];
  const kubeconfig = path.join(atelier.home, 'cluster/admin.kubeconfig');
  const place = ['--kubeconfig', kubeconfig, '--namespace', 'alice-ingress', '--create-namespace', '--wait'];
  execFileSync(helm[0]!, ['install', 'traefik', helm[1]!, ...place], { stdio: 'pipe' });
  const address = atelier.kubectl(
    ...['--namespace=alice-ingress', 'get', 'service', 'traefik'],
    ...['-o', 'jsonpath={.status.loadBalancer.ingress[0].ip}'],
  );
  apply(atelier, {
    apiVersion: 'externaldns.k8s.io/v1alpha1',
    kind: 'DNSEndpoint',
    metadata: { name: 'wildcard', namespace: 'alice' },
    spec: { endpoints: [{ dnsName: '*.alice.localhost', recordType: 'A', targets: [address] }] },
  });
  const status = async () => (await page.goto(`http://${HOST}:${http}/`))?.status();
  // Traefik's own answer to a host nobody asked it to serve.
  await expect.poll(status, { timeout: 30_000 }).toBe(404);
  atelier.kubectl('--namespace=alice', 'create', 'deployment', 'app', '--image=nginx:1.27');
  atelier.kubectl('--namespace=alice', 'expose', 'deployment', 'app', '--port=80');
  atelier.kubectl(
    '--namespace=alice',
    'create',
    'ingress',
    'app',
    '--save-config',
    '--class=traefik',
    `--rule=${HOST}/*=app:80`,
  );
  await expect.poll(status, { timeout: 30_000 }).toBe(200);
  await expect(page.locator('h1')).toHaveText('Welcome to nginx!');
});

test('over TLS the certificate is the Ingress’s own, and one that is missing is not made up', async ({ atelier }) => {
  const { https } = ports(atelier);
  const browser = await trusting(atelier);
  try {
    const page = await browser.newPage();
    // Traefik has none for this host yet; its own is nobody's.
    await expect(page.goto(`https://${HOST}:${https}/`)).rejects.toThrow('ERR_CERT_AUTHORITY_INVALID');
    const issuer = { cert: workshop(atelier, 'intermediate.crt'), key: workshop(atelier, 'intermediate.key') };
    const leaf = await issue({ subject: `CN=${HOST}`, issuer, names: [HOST], now: new Date(), days: 1 });
    const encoded = (text: string) => Buffer.from(text).toString('base64');
    apply(
      atelier,
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'app', namespace: 'alice' },
        type: 'kubernetes.io/tls',
        data: { 'tls.crt': encoded(leaf.cert + issuer.cert), 'tls.key': encoded(leaf.key) },
      },
      {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'Ingress',
        metadata: { name: 'app', namespace: 'alice' },
        spec: {
          ingressClassName: 'traefik',
          tls: [{ hosts: [HOST], secretName: 'app' }],
          rules: [
            {
              host: HOST,
              http: {
                paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'app', port: { number: 80 } } } }],
              },
            },
          ],
        },
      },
    );
    const seen = async () => {
      const fresh = await browser.newPage();
      try {
        const answer = await fresh.goto(`https://${HOST}:${https}/`);
        return `${answer?.status()} ${(await answer?.securityDetails())?.issuer}`;
      } catch (error) {
        return String(error);
      } finally {
        await fresh.close();
      }
    };
    await expect.poll(seen, { timeout: 30_000 }).toBe('200 Atelier Workshop E1 (simulated)');
    // A page of the front door is one the browser trusts as well.
    const answer = await page.goto(`https://lost.eve.localhost:${https}/`);
    expect(answer?.status()).toBe(421);
    await expect(page.getByRole('main')).toContainText('alice.localhost');
  } finally {
    await browser.close();
  }
});

test('the node’s process killed: the host is there again at the same address', async ({ page, atelier }) => {
  const url = `http://${HOST}:${ports(atelier).http}/`;
  const { node } = atelier.processes();
  process.kill(node, 'SIGKILL');
  const status = async () => {
    // Between its end and its start connections are refused.
    const answer = await page.goto(url).catch(() => undefined);
    return answer?.status();
  };
  await expect.poll(status, { timeout: 60_000 }).toBe(200);
  expect(atelier.processes().node).not.toBe(node);
});
