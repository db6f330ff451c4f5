import { absolutePath, baseName, joinPath, parentPath } from '../file-system/paths.ts';
import { FileError, type FileStat, fileErrorText } from '../file-system.ts';
import type { ContainerProcess } from '../image.ts';

/** An answer of the API: status, JSON body, the Location of what was made. */
export interface ApiAnswer {
  status: number;
  body?: unknown;
  location?: string;
}

interface Model {
  type?: string;
  format?: string;
  content?: unknown;
  path?: string;
  ext?: string;
  copy_from?: string;
}

const EMPTY_NOTEBOOK = { cells: [], metadata: {}, nbformat: 4, nbformat_minor: 5 };

/** Jupyter's contents API over the container's files: what it saves is in them. https://jupyter-server.readthedocs.io/en/latest/developers/contents.html */
export class Contents {
  private readonly process: ContainerProcess;
  private readonly root: string;

  constructor(process: ContainerProcess, root: string) {
    this.process = process;
    this.root = root;
  }

  handle(method: string, path: string, query: URLSearchParams, body: string): ApiAnswer {
    const full = absolutePath(path, '/').slice(1);
    try {
      const model: Model = body === '' ? {} : (JSON.parse(body) as Model);
      switch (method) {
        case 'GET':
          return { status: 200, body: this.model(full, query.get('content') !== '0', query) };
        case 'PUT':
          return this.save(full, model);
        case 'POST':
          return this.create(full, model);
        case 'PATCH': {
          const target = absolutePath(model.path ?? '', '/').slice(1);
          if (this.stat(target))
            return { status: 409, body: { message: `File already exists: ${target}`, reason: null } };
          this.process.fs.rename(this.at(full), this.at(target));
          return { status: 200, body: this.model(target, false) };
        }
        case 'DELETE':
          this.process.fs.remove(this.at(full), { recursive: true });
          return { status: 204 };
      }
      return { status: 405, body: { message: 'Method Not Allowed', reason: null } };
    } catch (error) {
      if (error instanceof SyntaxError)
        return { status: 400, body: { message: 'Invalid JSON in body of request', reason: null } };
      if (!(error instanceof FileError)) throw error;
      if (error.code === 'ENOENT')
        return { status: 404, body: { message: `No such file or directory: ${full}`, reason: null } };
      const denied = error.code === 'EACCES' || error.code === 'EROFS';
      return {
        status: denied ? 403 : 500,
        body: { message: denied ? `Permission denied: ${full}` : fileErrorText(error), reason: null },
      };
    }
  }

  private at(path: string): string {
    return joinPath(this.root, path);
  }

  private stat(path: string): FileStat | undefined {
    try {
      return this.process.fs.stat(this.at(path));
    } catch {
      return undefined;
    }
  }

  private model(path: string, withContent: boolean, query = new URLSearchParams()): Record<string, unknown> {
    const stat = this.process.fs.stat(this.at(path));
    const time = stat.modified.toISOString().replace(/\.(\d{3})Z$/, '.$1000Z');
    const isFolder = stat.type === 'directory';
    const type = isFolder ? 'directory' : path.endsWith('.ipynb') && query.get('type') !== 'file' ? 'notebook' : 'file';
    const base = {
      name: path === '' ? '' : baseName(path),
      path,
      last_modified: time,
      created: time,
      content: null as unknown,
      format: null as string | null,
      mimetype: null as string | null,
      size: isFolder ? null : stat.size,
      writable: this.process.fs.access(this.at(path), 'w'),
      hash: null,
      hash_algorithm: null,
      type,
    };
    if (!withContent) return base;
    if (isFolder) {
      const names = this.process.fs.list(this.at(path)).filter((name) => !name.startsWith('.'));
      return {
        ...base,
        format: 'json',
        content: names.map((name) => this.model(path === '' ? name : `${path}/${name}`, false)),
      };
    }
    const text = Buffer.from(this.process.fs.read(this.at(path)));
    if (type === 'notebook')
      return { ...base, format: 'json', content: text.length > 0 ? JSON.parse(text.toString()) : EMPTY_NOTEBOOK };
    const isText = !text.includes(0);
    return {
      ...base,
      format: isText ? 'text' : 'base64',
      mimetype: isText ? 'text/plain' : 'application/octet-stream',
      content: text.toString(isText ? 'utf8' : 'base64'),
    };
  }

  private save(path: string, model: Model): ApiAnswer {
    const isNew = !this.stat(path);
    if (model.type === 'directory') {
      if (isNew) this.process.fs.makeDirectory(this.at(path));
    } else {
      const { content } = model;
      const data =
        model.type === 'notebook' || typeof content === 'object'
          ? JSON.stringify(content ?? EMPTY_NOTEBOOK, null, 1)
          : Buffer.from(String(content ?? ''), model.format === 'base64' ? 'base64' : 'utf8');
      this.process.fs.write(this.at(path), data);
    }
    return { status: isNew ? 201 : 200, body: this.model(path, false), location: `api/contents/${path}` };
  }

  private create(folder: string, model: Model): ApiAnswer {
    const source = model.copy_from;
    const extension =
      source !== undefined
        ? (/\.[^.]*$/.exec(source)?.[0] ?? '')
        : model.type === 'notebook'
          ? '.ipynb'
          : (model.ext ?? (model.type === 'directory' ? '' : '.txt'));
    const stem =
      source !== undefined
        ? `${baseName(source).replace(/\.[^.]*$/, '')}-Copy`
        : model.type === 'directory'
          ? 'Untitled Folder'
          : model.type === 'notebook'
            ? 'Untitled'
            : 'untitled';
    for (let index = source === undefined ? 0 : 1; ; index += 1) {
      const name = `${stem}${index === 0 ? '' : model.type === 'directory' ? ` ${index}` : index}${extension}`;
      const path = folder === '' ? name : `${folder}/${name}`;
      if (this.stat(path)) continue;
      if (source !== undefined) {
        this.process.fs.stat(this.at(parentPath(`/${path}`).slice(1)));
        this.process.fs.write(this.at(path), this.process.fs.read(this.at(source)));
        return { status: 201, body: this.model(path, false), location: `api/contents/${path}` };
      }
      return {
        ...this.save(path, {
          type: model.type ?? 'file',
          ...(model.type === 'notebook' ? { content: EMPTY_NOTEBOOK } : {}),
        }),
        status: 201,
      };
    }
  }
}
