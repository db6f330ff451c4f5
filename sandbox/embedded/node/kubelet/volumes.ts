import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { ApiError, type Client } from '../../client/client.ts';
import type { Clock } from '../../clock.ts';
import { createFolderVolume } from '../images/file-system/folder.ts';
import { createMemoryVolume, MemoryTree } from '../images/file-system/memory.ts';
import { type ProjectedFile, ProjectedVolume } from '../images/file-system/projected.ts';
import { subPathVolume } from '../images/file-system/sub-path.ts';
import type { Volume } from '../images/file-system.ts';
import { type Configuration, resources } from './configuration.ts';
import { fieldValue, resourceValue } from './downward.ts';
import { ConfigError } from './environment.ts';
import type { Tokens } from './tokens.ts';

/** Why a volume cannot be mounted, as the event FailedMount says it. */
class MountError extends Error {
  readonly volume: string;
  constructor(volume: string, message: string) {
    super(message);
    this.volume = volume;
  }
}

export interface VolumeFacts {
  client: Client;
  clock: Clock;
  configuration: Configuration;
  tokens: Tokens;
  /** Where volumes that outlive a pod have their folders. */
  directory: string;
  /** Where the node's own paths have theirs. */
  ownDirectory: string;
  node: string;
  hostIP: string;
  allocatable: Record<string, string>;
}

interface Mounted {
  volume: Volume;
  /** Reads its sources anew. */
  refresh?: () => Promise<void>;
}

/** The volumes of one pod. */
export class PodVolumes {
  readonly #facts: VolumeFacts;
  readonly #mounted = new Map<string, Mounted>();
  /** The address is known only when the sandbox is there. */
  ip = '';

  constructor(facts: VolumeFacts) {
    this.#facts = facts;
  }

  /** Sets up what is not yet there. Rejects with the first {@link MountError}. */
  async ensure(pod: KubeObject): Promise<void> {
    let first: MountError | undefined;
    for (const spec of pod.spec.volumes ?? []) {
      if (this.#mounted.has(spec.name)) continue;
      try {
        this.#mounted.set(spec.name, await this.#setUp(pod, spec));
      } catch (error) {
        if (!(error instanceof MountError)) throw error;
        first ??= error;
      }
    }
    if (first) throw first;
  }

  /** The mounts of one container. Throws {@link ConfigError}. */
  mountsOf(container: Loose, env: Record<string, string>): { path: string; volume: Volume }[] {
    return (container.volumeMounts ?? []).map((mount: Loose) => {
      const mounted = this.#mounted.get(mount.name);
      if (!mounted)
        throw new ConfigError(`cannot find volume "${mount.name}" to mount into container "${container.name}"`);
      let { volume } = mounted;
      const subPath = mount.subPathExpr
        ? mount.subPathExpr.replace(/\$\(([^()]+)\)/g, (_: string, name: string) => env[name] ?? '')
        : mount.subPath;
      const readOnly = mount.readOnly || volume.readOnly;
      if (subPath) {
        if (!volume.readOnly) makeFolder(volume, subPath);
        volume = subPathVolume(volume, subPath, { readOnly });
      } else if (readOnly && !volume.readOnly) volume = { ...volume, fs: volume.fs, readOnly: true };
      return { path: mount.mountPath, volume };
    });
  }

  /** Shows changed ConfigMaps and Secrets in running containers. */
  async refresh(): Promise<void> {
    for (const { refresh } of this.#mounted.values()) await refresh?.();
  }

  /** Bytes in each emptyDir. */
  emptyDirs(pod: KubeObject): Map<string, number> {
    const used = new Map<string, number>();
    for (const { name, emptyDir } of pod.spec.volumes ?? []) {
      const fs = emptyDir && this.#mounted.get(name)?.volume.fs;
      if (fs instanceof MemoryTree) used.set(name, fs.written());
    }
    return used;
  }

  async #setUp(pod: KubeObject, spec: Loose): Promise<Mounted> {
    const gid = pod.spec.securityContext?.fsGroup;
    const owned = gid === undefined ? {} : { gid };
    if (spec.emptyDir) {
      return {
        volume: createMemoryVolume({ source: spec.emptyDir.medium === 'Memory' ? 'tmpfs' : '/dev/vda1', ...owned }),
      };
    }
    if (spec.configMap || spec.secret || spec.projected || spec.downwardAPI) return this.#projected(pod, spec, gid);
    if (spec.hostPath) return { volume: this.#hostPath(spec) };
    const claim = spec.persistentVolumeClaim?.claimName ?? (spec.ephemeral && `${pod.metadata.name}-${spec.name}`);
    if (claim) return { volume: await this.#claim(pod, spec, claim) };
    const kind = Object.keys(spec).find((key) => key !== 'name') ?? 'none';
    throw new MountError(
      spec.name,
      `MountVolume.SetUp failed for volume "${spec.name}" : volume type ${kind} is not simulated`,
    );
  }

  async #projected(pod: KubeObject, spec: Loose, gid: number | undefined): Promise<Mounted> {
    const volume = new ProjectedVolume({
      source: spec.configMap ? '/dev/vda1' : 'tmpfs',
      ...(gid !== undefined && { gid }),
    });
    const refresh = async () => void volume.update(await this.#files(pod, spec), this.#facts.clock.now());
    await refresh();
    const token = (spec.projected?.sources ?? []).some((source: Loose) => source.serviceAccountToken);
    if (token) this.#facts.tokens.onToken(pod.metadata.uid!, () => refresh().catch(() => {}));
    return { volume, refresh };
  }

  async #files(pod: KubeObject, spec: Loose): Promise<Record<string, ProjectedFile>> {
    const files: Record<string, ProjectedFile> = {};
    const outer = spec.projected ?? spec.configMap ?? spec.secret ?? spec.downwardAPI;
    const mode = outer.defaultMode ?? 0o644;
    const sources = spec.projected?.sources ?? [
      { configMap: spec.configMap, secret: spec.secret, downwardAPI: spec.downwardAPI },
    ];
    const failed = (message: string) =>
      new MountError(spec.name, `MountVolume.SetUp failed for volume "${spec.name}" : ${message}`);
    for (const source of sources) {
      if (source.configMap || source.secret) {
        const kind = source.configMap ? 'configmap' : 'secret';
        const from = source.configMap ?? source.secret;
        const name = from.name ?? from.secretName;
        const object = await this.#facts.configuration.get(kind, name, pod.metadata.namespace!);
        if (!object && !from.optional) throw failed(`${kind} "${name}" not found`);
        const data: Record<string, Buffer> = {};
        for (const [key, value] of Object.entries(object?.data ?? {})) {
          data[key] = Buffer.from(value as string, kind === 'secret' ? 'base64' : 'utf8');
        }
        for (const [key, value] of Object.entries(object?.binaryData ?? {})) {
          data[key] = Buffer.from(value as string, 'base64');
        }
        const items = from.items ?? Object.keys(data).map((key) => ({ key, path: key }));
        for (const item of items) {
          const content = data[item.key];
          if (content) files[item.path] = { content, mode: item.mode ?? mode };
          else if (!from.optional) {
            throw failed(`references non-existent ${kind === 'secret' ? 'secret' : 'config'} key: ${item.key}`);
          }
        }
      } else if (source.downwardAPI) {
        for (const item of source.downwardAPI.items ?? []) {
          const place = { ip: this.ip, hostIP: this.#facts.hostIP, node: this.#facts.node };
          const content = item.fieldRef
            ? fieldValue(pod, item.fieldRef.fieldPath, place)
            : resourceValue(pod, undefined, item.resourceFieldRef, this.#facts.allocatable);
          files[item.path] = { content: content ?? '', mode: item.mode ?? mode };
        }
      } else if (source.serviceAccountToken) {
        const { path, audience, expirationSeconds } = source.serviceAccountToken;
        const content = this.#facts.tokens.want(pod, audience, expirationSeconds ?? 3600);
        if (content) files[path] = { content, mode };
      }
    }
    return files;
  }

  /** No folder of the machine: one of the node's, which all its pods that name the path share. */
  #hostPath(spec: Loose): Volume {
    const { path, type = '' } = spec.hostPath;
    const name = encodeURIComponent(path.replace(/^\/+|\/+$/g, '') || 'root').replace(/^\./, '_');
    if (['Directory', 'File', 'Socket', 'CharDevice', 'BlockDevice'].includes(type)) {
      const what = { Directory: 'directory', File: 'file', Socket: 'socket file', CharDevice: 'character device' }[
        type as 'File'
      ];
      throw new MountError(
        spec.name,
        `MountVolume.SetUp failed for volume "${spec.name}" : hostPath type check failed: ${path} is not a ${what ?? 'block device'}`,
      );
    }
    return createFolderVolume(join(this.#facts.ownDirectory, 'host', name), { source: '/dev/vda1' });
  }

  async #claim(pod: KubeObject, spec: Loose, name: string): Promise<Volume> {
    const namespace = pod.metadata.namespace!;
    const attach = (message: string) =>
      new MountError(
        spec.name,
        `Unable to attach or mount volumes: unmounted volumes=[${spec.name}], unattached volumes=[], failed to process volumes=[${spec.name}]: error processing PVC ${namespace}/${name}: ${message}`,
      );
    const claim = await this.#get(resources.claims, name, namespace);
    if (!claim) throw attach(`failed to fetch PVC from API server: persistentvolumeclaims "${name}" not found`);
    const volumeName = claim.spec?.volumeName;
    if (!volumeName || claim.status?.phase !== 'Bound') throw attach('PVC is not bound');
    const folder = join(this.#facts.directory, 'volumes', volumeName.replace(/[^a-z0-9.-]/g, '_'));
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const readOnly = Boolean(spec.persistentVolumeClaim?.readOnly);
    const gid = pod.spec.securityContext?.fsGroup;
    return createFolderVolume(folder, { readOnly, ...(gid !== undefined && { gid }) });
  }

  async #get(resource: (typeof resources)['claims'], name: string, namespace: string): Promise<KubeObject | undefined> {
    try {
      return await this.#facts.client.get(resource, name, namespace);
    } catch (error) {
      if (error instanceof ApiError && error.code === 404) return undefined;
      throw error;
    }
  }
}

/** Removes what a PersistentVolume held: it is deleted, and its policy is Delete. */
export function removeVolume(directory: string, name: string): void {
  const folder = join(directory, 'volumes', name.replace(/[^a-z0-9.-]/g, '_'));
  rmSync(folder, { recursive: true, force: true });
  rmSync(`${folder}.owners.json`, { force: true });
}

function makeFolder(volume: Volume, path: string): void {
  try {
    volume.fs.stat(`/${path}`);
  } catch {
    volume.fs.makeDirectory(`/${path}`, { recursive: true });
  }
}
