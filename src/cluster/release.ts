import { gunzipSync } from 'node:zlib';
import { parseAllDocuments } from 'yaml';
import type { KubeObject, Loose } from '../../kubernetes/object.ts';

/** A revision of a Helm release, as Helm 3 and 4 keep it in a Secret `sh.helm.release.v1.NAME.vN`. */
export interface Release {
  name: string;
  namespace: string;
  status: string;
  revision: number;
  chart: { name: string; version: string; appVersion: string; dependencies: Loose[] };
  /** What `helm get values` shows. */
  values: Loose;
  /** What `helm get manifest` shows, by kind and name. */
  objects: { apiVersion: string; kind: string; name: string }[];
  updated: string;
  description: string;
  notes: string;
}

/** A chart's templates and files are in the record too: what unpacks to more than this is no release. */
const MAX_BYTES = 16 * 1024 * 1024;

const decoded = new WeakMap<KubeObject, Release | undefined>();

/** The release a Secret holds, or undefined for any other Secret; decoded once an object. */
function decodeRelease(secret: KubeObject): Release | undefined {
  if (!decoded.has(secret)) decoded.set(secret, decode(secret));
  return decoded.get(secret);
}

function decode(secret: KubeObject): Release | undefined {
  const data = secret.type === 'helm.sh/release.v1' && secret.data?.release;
  if (typeof data !== 'string') return undefined;
  try {
    const packed = Buffer.from(Buffer.from(data, 'base64').toString('latin1'), 'base64');
    const record: Loose = JSON.parse(
      (packed[0] === 0x1f ? gunzipSync(packed, { maxOutputLength: MAX_BYTES }) : packed).toString('utf8'),
    );
    return releaseOf(record);
  } catch {
    return undefined;
  }
}

function releaseOf(record: Loose): Release {
  const metadata = record.chart?.metadata ?? {};
  let objects: Release['objects'] | undefined;
  const release = {
    name: String(record.name),
    namespace: String(record.namespace ?? ''),
    status: String(record.info?.status ?? ''),
    revision: Number(record.version),
    chart: {
      name: String(metadata.name ?? ''),
      version: String(metadata.version ?? ''),
      appVersion: String(metadata.appVersion ?? ''),
      dependencies: metadata.dependencies ?? [],
    },
    values: record.config ?? {},
    updated: String(record.info?.last_deployed ?? ''),
    description: String(record.info?.description ?? ''),
    notes: String(record.info?.notes ?? ''),
  };
  // A manifest is parsed only when an expression asks for it.
  Object.defineProperty(release, 'objects', {
    enumerable: true,
    get: () => {
      objects ??= manifestObjects(String(record.manifest ?? ''));
      return objects;
    },
  });
  return release as Release;
}

function manifestObjects(manifest: string): Release['objects'] {
  const documents = parseAllDocuments(manifest, { uniqueKeys: false });
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document) => {
    const object: Loose = document.errors.length > 0 ? null : document.toJS();
    return object?.kind
      ? [
          {
            apiVersion: String(object.apiVersion ?? ''),
            kind: String(object.kind),
            name: String(object.metadata?.name ?? ''),
          },
        ]
      : [];
  });
}

/** All revisions in a list of Secrets, the newest of each release first. */
export function releasesOf(secrets: readonly KubeObject[], name?: string): Release[] {
  const all = secrets.flatMap((secret) => decodeRelease(secret) ?? []).sort((a, b) => b.revision - a.revision);
  if (name !== undefined) return all.filter((release) => release.name === name);
  const seen = new Set<string>();
  return all.filter((release) => !seen.has(release.name) && seen.add(release.name));
}
