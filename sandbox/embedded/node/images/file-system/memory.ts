import { FileError, type FileStat, type Volume, type VolumeBackend } from '../file-system.ts';
import { absolutePath, baseName, parentPath } from './paths.ts';

/** An inode. It may be shared with other trees: only the tree named by `owner` may change it. */
interface TreeNode {
  owner: object | undefined;
  type: FileStat['type'];
  mode: number;
  uid: number;
  gid: number;
  modified: number;
  children?: Map<string, TreeNode>;
  data?: Uint8Array;
  size: number;
  target?: string;
  device?: string;
}

const encoder = new TextEncoder();
const NOTHING = new Uint8Array(0);

/**
 * Files in memory. A copy costs nothing: both trees share their nodes, and whoever writes copies the path from the root
 * down to what it changes. So hundreds of containers of one image hold one copy of its files.
 */
export class MemoryTree implements VolumeBackend {
  private root: TreeNode;
  private token = {};
  private readonly now: () => number;

  constructor(options: { mode?: number; uid?: number; gid?: number; now?: () => number } = {}) {
    this.now = options.now ?? Date.now;
    this.root = this.node('directory', options.mode ?? 0o755, options.uid ?? 0, options.gid ?? 0);
  }

  /** A second tree with the same content. Neither sees the other's later changes. */
  copy(): MemoryTree {
    const twin = new MemoryTree({ now: this.now });
    // What is shared from here on belongs to nobody, so that this tree copies before it writes, too.
    this.token = {};
    twin.root = this.root;
    return twin;
  }

  /** A tree whose root is one file, as `subPath` and /etc/hosts are mounted. */
  static ofFile(content: string | Uint8Array, mode = 0o644): MemoryTree {
    const tree = new MemoryTree();
    tree.root = tree.node('file', mode, 0, 0);
    tree.write('/', content);
    return tree;
  }

  /** Bytes of the files that are this tree's own, not shared with the one it was copied from. */
  written(): number {
    const sum = (node: TreeNode): number => {
      if (node.owner !== this.token) return 0;
      let total = node.size;
      for (const child of node.children?.values() ?? []) total += sum(child);
      return total;
    };
    return sum(this.root);
  }

  private node(type: TreeNode['type'], mode: number, uid: number, gid: number): TreeNode {
    const node: TreeNode = { owner: this.token, type, mode, uid, gid, modified: this.now(), size: 0 };
    if (type === 'directory') node.children = new Map();
    return node;
  }

  private find(path: string): TreeNode {
    let node = this.root;
    for (const part of path.split('/')) {
      if (part === '') continue;
      if (!node.children) throw new FileError('ENOTDIR', path);
      const child = node.children.get(part);
      if (!child) throw new FileError('ENOENT', path);
      node = child;
    }
    return node;
  }

  private owned(node: TreeNode): TreeNode {
    if (node.owner === this.token) return node;
    const mine: TreeNode = { ...node, owner: this.token };
    if (node.children) mine.children = new Map(node.children);
    if (node.data) mine.data = node.data.subarray(0, node.size);
    return mine;
  }

  /** The node at `path`, ours to change. */
  private own(path: string): TreeNode {
    this.root = this.owned(this.root);
    let node = this.root;
    for (const part of path.split('/')) {
      if (part === '') continue;
      if (!node.children) throw new FileError('ENOTDIR', path);
      const child = node.children.get(part);
      if (!child) throw new FileError('ENOENT', path);
      const mine = this.owned(child);
      if (mine !== child) node.children.set(part, mine);
      node = mine;
    }
    return node;
  }

  private ownDirectory(path: string): TreeNode & { children: Map<string, TreeNode> } {
    const node = this.own(path);
    if (!node.children) throw new FileError('ENOTDIR', path);
    return node as TreeNode & { children: Map<string, TreeNode> };
  }

  private add(path: string, node: TreeNode): void {
    const parent = this.ownDirectory(parentPath(path));
    if (parent.children.has(baseName(path))) throw new FileError('EEXIST', path);
    parent.children.set(baseName(path), node);
    parent.modified = this.now();
  }

  private exists(path: string): boolean {
    try {
      this.find(path);
      return true;
    } catch {
      return false;
    }
  }

  stat(path: string): FileStat {
    const node = this.find(path);
    const { type, mode, uid, gid } = node;
    const size = node.children ? 4096 : type === 'symlink' ? node.target!.length : node.size;
    const stat: FileStat = { type, size, mode, uid, gid, modified: new Date(node.modified) };
    if (node.device) stat.device = node.device;
    return stat;
  }

  read(path: string): Uint8Array {
    const node = this.find(path);
    if (node.children) throw new FileError('EISDIR', path);
    return node.data?.subarray(0, node.size) ?? NOTHING;
  }

  write(
    path: string,
    data: Uint8Array | string,
    options: { append?: boolean; mode?: number; uid?: number; gid?: number } = {},
  ): void {
    const bytes = typeof data === 'string' ? encoder.encode(data) : data;
    let node: TreeNode;
    if (path === '/' || this.exists(path)) node = this.own(path);
    else {
      node = this.node('file', options.mode ?? 0o644, options.uid ?? 0, options.gid ?? 0);
      this.add(path, node);
    }
    if (node.children) throw new FileError('EISDIR', path);
    if (options.append && node.size > 0) append(node, bytes);
    else {
      node.data = bytes.slice();
      node.size = bytes.length;
    }
    node.modified = this.now();
  }

  list(path: string): string[] {
    const node = this.find(path);
    if (!node.children) throw new FileError('ENOTDIR', path);
    return [...node.children.keys()].sort();
  }

  makeDirectory(path: string, options: { recursive?: boolean; mode?: number; uid?: number; gid?: number } = {}): void {
    if (this.exists(path)) {
      if (options.recursive && this.find(path).children) return;
      throw new FileError('EEXIST', path);
    }
    if (options.recursive) this.makeDirectory(parentPath(path), options);
    this.add(path, this.node('directory', options.mode ?? 0o755, options.uid ?? 0, options.gid ?? 0));
  }

  remove(path: string, options: { recursive?: boolean } = {}): void {
    const node = this.find(path);
    if (path === '/') throw new FileError('EBUSY', path);
    if (node.children && node.children.size > 0 && !options.recursive) throw new FileError('ENOTEMPTY', path);
    const parent = this.ownDirectory(parentPath(path));
    parent.children.delete(baseName(path));
    parent.modified = this.now();
  }

  rename(from: string, to: string): void {
    const node = this.find(from);
    if (from === to) return;
    if (to.startsWith(`${from}/`)) throw new FileError('EINVAL', to);
    if (this.exists(to)) {
      const old = this.find(to);
      if (old.children && !node.children) throw new FileError('EISDIR', to);
      if (!old.children && node.children) throw new FileError('ENOTDIR', to);
      this.remove(to);
    }
    const target = this.ownDirectory(parentPath(to));
    this.ownDirectory(parentPath(from)).children.delete(baseName(from));
    target.children.set(baseName(to), node);
  }

  link(target: string, path: string, options: { symbolic: boolean } = { symbolic: false }): void {
    if (options.symbolic) {
      this.add(path, { ...this.node('symlink', 0o777, 0, 0), target });
      return;
    }
    const node = this.own(absolutePath(target));
    if (node.children) throw new FileError('EPERM', path);
    this.add(path, node);
  }

  /** A character device, as /dev has them. */
  device(path: string, device: string, mode = 0o666): void {
    this.add(path, { ...this.node('device', mode, 0, 0), device });
  }

  readLink(path: string): string {
    const node = this.find(path);
    if (node.target === undefined) throw new FileError('EINVAL', path);
    return node.target;
  }

  chmod(path: string, mode: number): void {
    this.own(path).mode = mode & 0o7777;
  }

  chown(path: string, uid: number, gid: number): void {
    Object.assign(this.own(path), { uid, gid });
  }

  touch(path: string, time: Date): void {
    this.own(path).modified = time.getTime();
  }
}

/** Grows by doubling, so that a loop of `>>` stays linear. */
function append(node: TreeNode, bytes: Uint8Array): void {
  const old = node.data ?? NOTHING;
  const size = node.size + bytes.length;
  let buffer = old;
  if (old.byteLength < size) {
    buffer = new Uint8Array(Math.max(size, old.byteLength * 2));
    buffer.set(old.subarray(0, node.size));
  }
  buffer.set(bytes, node.size);
  node.data = buffer;
  node.size = size;
}

/** An emptyDir. https://kubernetes.io/docs/concepts/storage/volumes/#emptydir */
export function createMemoryVolume(
  options: { source?: string; readOnly?: boolean; mode?: number; uid?: number; gid?: number } = {},
): Volume {
  const fs = new MemoryTree({ mode: options.mode ?? 0o777, uid: options.uid ?? 0, gid: options.gid ?? 0 });
  return { kind: 'memory', readOnly: options.readOnly ?? false, source: options.source ?? 'tmpfs', fs };
}
