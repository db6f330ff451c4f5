import { UserError } from '../../server/user-error.ts';
import { findCluster } from '../real-cluster.ts';

/** `atelier facts`: makes `kubernetes/facts` anew from the API server that KUBECONFIG names. */
export async function facts(args: string[]): Promise<void> {
  if (args.length > 0) throw new UserError('facts takes no arguments: name the server with KUBECONFIG.', 2);
  const kubeconfig = process.env.KUBECONFIG;
  if (!kubeconfig) throw new UserError('facts asks a real Kubernetes: set KUBECONFIG to its kubeconfig.');
  await findCluster(kubeconfig, undefined);
  await import('../../../kubernetes/facts/make/main.ts');
}
