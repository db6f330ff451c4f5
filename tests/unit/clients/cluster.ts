import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type ClusterProcess, startCluster } from '../../../src/cli/cluster-process.ts';

/** An embedded cluster for clients that nobody here wrote; `stop` takes its home away too. */
export async function clusterForClients(): Promise<Pick<ClusterProcess, 'kubeconfig' | 'stop'>> {
  const home = await mkdtemp(path.join(tmpdir(), 'atelier-clients-'));
  const onTrouble = (error: Error) => process.stderr.write(`${error.message}\n`);
  const { kubeconfig, stop } = await startCluster({ home, name: 'main', onTrouble });
  return {
    kubeconfig,
    async stop() {
      await stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}
