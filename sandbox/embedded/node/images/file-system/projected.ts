import type { Volume } from '../file-system.ts';
import { MemoryTree } from './memory.ts';
import { parentPath } from './paths.ts';

export interface ProjectedFile {
  content: string | Uint8Array;
  mode?: number;
}

/**
 * A ConfigMap, Secret, downward API or projected volume: files are links through `..data` to a folder named by the time,
 * so that an update swaps all of them at once.
 * https://kubernetes.io/docs/concepts/configuration/configmap/#mounted-configmaps-are-updated-automatically
 */
export class ProjectedVolume implements Volume {
  readonly kind = 'projected';
  readonly readOnly = true;
  readonly source: string;
  readonly fs: MemoryTree;
  private readonly gid: number;
  private current: string | undefined;
  private before: string | undefined;

  constructor(options: { source?: string; gid?: number } = {}) {
    this.source = options.source ?? 'tmpfs';
    this.gid = options.gid ?? 0;
    this.fs = new MemoryTree({ mode: 0o777, gid: this.gid });
  }

  /** Shows these files (paths relative to the volume, folders allowed) and no others. Returns whether anything changed. */
  update(files: Record<string, ProjectedFile>, time: Date): boolean {
    const fingerprint = JSON.stringify(
      Object.entries(files).map(([path, file]) => [path, file.mode, Buffer.from(file.content).toString('base64')]),
    );
    if (fingerprint === this.before) return false;
    this.before = fingerprint;
    const folder = `/..${stamp(time)}`;
    this.fs.makeDirectory(folder, { mode: 0o755, gid: this.gid });
    for (const [path, file] of Object.entries(files)) {
      const target = `${folder}/${path}`;
      this.fs.makeDirectory(parentPath(target), { recursive: true, gid: this.gid });
      this.fs.write(target, file.content, { mode: file.mode ?? 0o644, gid: this.gid });
    }
    this.fs.link(folder.slice(1), '/..data_tmp', { symbolic: true });
    this.fs.rename('/..data_tmp', '/..data');
    const names = new Set(Object.keys(files).map((path) => path.split('/')[0] as string));
    const shown = this.fs.list('/').filter((name) => !name.startsWith('..'));
    for (const name of names) {
      if (!shown.includes(name)) this.fs.link(`..data/${name}`, `/${name}`, { symbolic: true });
    }
    for (const name of shown) if (!names.has(name)) this.fs.remove(`/${name}`);
    if (this.current) this.fs.remove(this.current, { recursive: true });
    this.current = folder;
    return true;
  }
}

/** `2026_11_21_08_07_12.123456789`, as the kubelet's atomic writer names its folders. */
function stamp(time: Date): string {
  const nanoseconds = String(Math.floor(Math.random() * 1e9)).padStart(9, '0');
  return `${time.toISOString().slice(0, 19).replace(/[-:T]/g, '_')}.${nanoseconds}`;
}
