import { request } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import type { Loose } from '../../object.ts';

/** GETs JSON from the API server that KUBECONFIG names. Rejects with the path and the code unless the answer is 200. */
export type Get = (path: string, accept?: string) => Promise<Loose>;

export async function connect(): Promise<Get> {
  const config = new KubeConfig();
  config.loadFromDefault();
  const server = config.getCurrentCluster()?.server;
  if (!server) throw new Error('no cluster: set KUBECONFIG to the kubeconfig of a real Kubernetes');
  return async (path, accept = 'application/json') => {
    const options = { method: 'GET', headers: { accept } };
    await config.applyToHTTPSOptions(options);
    return new Promise((resolve, reject) => {
      const outgoing = request(new URL(path, server), options, (incoming) => {
        let text = '';
        incoming.setEncoding('utf8');
        incoming.on('data', (part) => {
          text += part;
        });
        incoming.on('end', () => {
          if (incoming.statusCode !== 200) reject(new Error(`GET ${path}: ${incoming.statusCode} ${text.slice(0, 200)}`));
          else resolve(JSON.parse(text));
        });
      });
      outgoing.on('error', reject);
      outgoing.end();
    });
  };
}
