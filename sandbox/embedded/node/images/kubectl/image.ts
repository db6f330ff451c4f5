import { debianFiles, debianPrograms } from '../busybox/image.ts';
import type { Image } from '../image.ts';
import { kubectl } from './kubectl.ts';

/** kubectl in a pod, as the pod's ServiceAccount or by a kubeconfig that is mounted. */
export const kubectlImage: Image = {
  match: /^(?:(?:bitnami|bitnamilegacy|rancher|alpine)\/(?:kubectl|k8s)|registry\.k8s\.io\/kubectl)$/,
  tags: /^(?:latest|v?1\.\d+(?:\.\d+)?(?:-[\w.-]+)?)$/,
  names: ['bitnami/kubectl', 'rancher/kubectl', 'alpine/k8s', 'registry.k8s.io/kubectl'],
  config: { env: { HOME: '/' }, workingDir: '/', user: 1001, exposedPorts: [], entrypoint: ['kubectl'], cmd: [] },
  programs: { ...debianPrograms, '/usr/bin/kubectl': kubectl },
  files: debianFiles,
};
