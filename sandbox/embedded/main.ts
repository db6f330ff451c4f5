import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

enableCompileCache();

const { values } = parseArgs({
  options: {
    home: { type: 'string', default: process.env.ATELIER_HOME ?? '.atelier' },
    name: { type: 'string', default: 'main' },
    port: { type: 'string', default: '0' },
    gaps: { type: 'boolean', default: false },
    'no-node': { type: 'boolean', default: false },
  },
});

const { createCluster } = await import('./control-plane/main.ts');
const { writeKubeconfig } = await import('./control-plane/kubeconfig.ts');
const home = resolve(values.home);
const directory = join(home, 'clusters', values.name);
const cluster = await createCluster({ directory, name: values.name, port: Number(values.port) });
const kubeconfig = join(directory, 'admin.kubeconfig');
const base = { cluster: values.name, server: cluster.url, ca: cluster.pki.ca.cert };
writeKubeconfig(kubeconfig, { ...base, user: 'kubernetes-admin', pair: cluster.pki.admin });
writeKubeconfig(join(directory, 'node.kubeconfig'), { ...base, user: 'system-node', pair: cluster.pki.node });
mkdirSync(join(home, 'cluster'), { recursive: true });
const link = join(home, 'cluster', 'admin.kubeconfig');
rmSync(link, { force: true });
symlinkSync(kubeconfig, link);
process.stdout.write(`export KUBECONFIG=${kubeconfig}\n`);
process.send?.({ type: 'ready', kubeconfig });
const stop = async (): Promise<void> => {
  await cluster.close();
  process.exit(0);
};
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
