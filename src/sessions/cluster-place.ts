/** Where the world meets an embedded cluster: it is a network of its own, and this is its edge. */
export interface ClusterPlace {
  /** Its HTTP proxy. */
  proxy: string;
  /** Ports of the front door on 127.0.0.1. */
  http?: number;
  https?: number;
  /** The name server of the learner's zone, as `127.0.0.1:5300`. */
  zone?: string;
}

/** What `clusters/NAME/proxy.json` says; the cluster's processes write it anew whenever they start. Throws on what is not JSON. */
export function readPlace(text: string): ClusterPlace {
  const { url, ingress } = JSON.parse(text) as {
    url: string;
    ingress?: { http?: number; https?: number; dns?: number | string };
  };
  const { dns, http, https } = ingress ?? {};
  return {
    proxy: url,
    ...(http && { http }),
    ...(https && { https }),
    ...(dns && { zone: typeof dns === 'number' ? `127.0.0.1:${dns}` : dns }),
  };
}

/** What follows a host in an address: nothing for the port that browsers assume. */
export function portSuffix(port: number | undefined, usual: number): string {
  return port === undefined || port === usual ? '' : `:${port}`;
}
