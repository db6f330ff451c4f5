import { statSync } from 'node:fs';
import { loadSchemas, type Schema, schemaNames } from '../../../../kubernetes/facts.ts';
import type { Loose } from '../../../../kubernetes/object.ts';
import { readTexts } from '../schema/explain.ts';
import type { Call } from './call.ts';
import type { Reply } from './reply.ts';
import type { ResourceType } from './resource-type.ts';
import { hashOf, serveDocument } from './served-document.ts';
import { swaggerOf } from './swagger.ts';

/** https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-interface-definition — undefined for other paths. */
export function openApi(call: Call, path: string): Reply | undefined {
  if (path === '/openapi/v2') return answerSwagger(call);
  if (path === '/openapi/v3') {
    const text = () => JSON.stringify({ paths: index(call) });
    // The type is what a real server's aggregator lets be guessed.
    return serveDocument(call, { contentType: 'text/plain; charset=utf-8', text });
  }
  const key = /^\/openapi\/v3\/(.+)$/.exec(path)?.[1];
  if (!key) return undefined;
  const types = groupTypes(call).get(key);
  return types ? answerGroup(call, key, types) : { code: 404, raw: '' };
}

/** Who asks with the hash of the index may keep the document for a year, and is led to the new one when it has changed. */
function answerGroup(call: Call, key: string, types: ResourceType[]): Reply {
  const hash = documentHash(key, types);
  const asked = call.query.get('hash');
  const headers: Record<string, string> = { vary: 'Accept' };
  if (asked && asked !== hash) return { code: 301, raw: '', headers: { ...headers, location: addressOf(key, hash) } };
  if (asked) {
    const expires = new Date();
    expires.setUTCFullYear(expires.getUTCFullYear() + 1);
    Object.assign(headers, { 'cache-control': 'public, immutable', expires: expires.toUTCString() });
  }
  return serveDocument(call, { contentType: 'application/json', hash, headers, text: () => documentOf(key, types) });
}

const protobuf = 'application/com.github.proto-openapi.spec.v2';

/** As JSON; who wants protobuf gets an empty document, and takes what is built into it. */
function answerSwagger(call: Call): Reply {
  if (call.header('accept')?.trimStart().startsWith(protobuf))
    return { code: 200, raw: '', contentType: `${protobuf}.v1.0+protobuf` };
  const types = [...call.services.types.all()];
  const [, version = '1.35'] = /^v(\d+\.\d+)/.exec(call.services.serverVersion) ?? [];
  return serveDocument(call, {
    contentType: 'application/json',
    hash: documentHash('v2', types),
    headers: { vary: 'Accept-Encoding, Accept' },
    text: () => JSON.stringify(swaggerOf(makeDocument(types), version)),
  });
}

/** Resources by document: `api/v1`, `apis/apps/v1`. */
function groupTypes(call: Call): Map<string, ResourceType[]> {
  const groups = new Map<string, ResourceType[]>();
  for (const type of call.services.types.all()) {
    const key = rootOf(type).slice(1);
    const list = groups.get(key);
    if (list) list.push(type);
    else groups.set(key, [type]);
  }
  return groups;
}

const rootOf = ({ group, apiVersion }: ResourceType): string => (group ? `/apis/${apiVersion}` : `/api/${apiVersion}`);

function index(call: Call): Record<string, { serverRelativeURL: string }> {
  const paths: Record<string, { serverRelativeURL: string }> = {};
  for (const [key, types] of groupTypes(call))
    paths[key] = { serverRelativeURL: addressOf(key, documentHash(key, types)) };
  for (const { group, version, available } of call.services.remote.all())
    if (available) paths[`apis/${group}/${version}`] = { serverRelativeURL: `/openapi/v3/apis/${group}/${version}` };
  return paths;
}

const addressOf = (key: string, hash: string): string => `/openapi/v3/${key}?hash=${hash}`;

/** Known without making the document. */
function documentHash(key: string, types: ResourceType[]): string {
  const parts = [factsStamp(), key];
  for (const { definition } of types)
    if (definition) parts.push(`${definition.metadata.uid} ${definition.metadata.generation}`);
  return hashOf(parts.join(' '));
}

let stamp: string | undefined;

/** Clients keep documents by their hash: it has to move when the facts do. */
function factsStamp(): string {
  if (stamp === undefined) {
    const { size, mtimeMs } = statSync(new URL('../../../../kubernetes/facts/schemas.json', import.meta.url));
    stamp = `${size} ${mtimeMs}`;
  }
  return stamp;
}

/** Texts of built-in groups never change: clusters share them. */
const builtIn = new Map<string, string>();

function documentOf(key: string, types: ResourceType[]): string {
  if (types.some((type) => type.definition)) return JSON.stringify(makeDocument(types));
  const text = builtIn.get(key) ?? JSON.stringify(makeDocument(types));
  builtIn.set(key, text);
  return text;
}

function makeDocument(types: ResourceType[]): Loose {
  const wanted = new Set<string>();
  const schemas: Record<string, Loose> = {};
  const paths: Record<string, Loose> = {};
  for (const type of types) {
    const name = type.definition
      ? customName(type)
      : (schemaNames().get(`${type.group}/${type.version}/${type.kind}`) ?? '');
    if (type.definition) schemas[name] = customSchema(type, wanted);
    else wanted.add(name);
    Object.assign(paths, pathsOf(type, name));
    if (!type.fact.verbs.includes('list')) continue;
    schemas[`${name}List`] = listSchema(type, name);
    wanted.add(listMeta);
  }
  wanted.add('io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions');
  // The set grows while it is walked: what a schema refers to comes after it.
  for (const name of wanted) {
    const schema = loadSchemas()[name];
    if (schema) schemas[name] = described(schema, readTexts(name), wanted);
  }
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'unversioned' },
    paths,
    components: { schemas },
  };
}

function described(schema: Schema, texts: ReturnType<typeof readTexts>, wanted: Set<string>): Loose {
  const out = published(schema, wanted);
  if (texts?.text) out.description = texts.text;
  for (const [field, text] of Object.entries(texts?.fields ?? {}))
    if (out.properties?.[field]) out.properties[field] = { description: text, ...out.properties[field] };
  return out;
}

/** References as OpenAPI writes them; what stands beside one moves it into `allOf`. */
function published(schema: Loose, wanted: Set<string>): Loose {
  if (Array.isArray(schema)) return schema.map((one) => published(one, wanted));
  if (typeof schema !== 'object' || schema === null) return schema;
  const out: Loose = {};
  for (const [key, value] of Object.entries<Loose>(schema)) {
    if (key === '$ref') continue;
    // Names of properties mean nothing: one may be called `default`.
    if (key === 'properties')
      out[key] = Object.fromEntries(Object.entries<Loose>(value).map(([name, one]) => [name, published(one, wanted)]));
    else out[key] = key === 'default' || key === 'enum' || key.startsWith('x-') ? value : published(value, wanted);
  }
  if (typeof schema.$ref !== 'string') return out;
  wanted.add(schema.$ref);
  const reference = { $ref: `#/components/schemas/${schema.$ref}` };
  return Object.keys(out).length > 0 ? { ...out, allOf: [reference] } : reference;
}

const listMeta = 'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta';

function listSchema({ group, version, kind }: ResourceType, name: string): Loose {
  const items = { $ref: `#/components/schemas/${name}` };
  return {
    type: 'object',
    required: ['items'],
    properties: {
      apiVersion: { type: 'string', description: apiVersionText },
      items: { type: 'array', items },
      kind: { type: 'string', description: kindText },
      metadata: { $ref: `#/components/schemas/${listMeta}` },
    },
    'x-kubernetes-group-version-kind': [{ group, version, kind: `${kind}List` }],
  };
}

const customName = ({ group, version, kind }: ResourceType): string =>
  [...group.split('.').reverse(), version, kind].join('.');

function customSchema({ schema, group, version, kind }: ResourceType, wanted: Set<string>): Loose {
  const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
  wanted.add(meta);
  const { properties, ...rest } = schema ?? {};
  return {
    ...rest,
    type: 'object',
    properties: {
      ...properties,
      apiVersion: { type: 'string', description: apiVersionText },
      kind: { type: 'string', description: kindText },
      metadata: { description: metadataText, allOf: [{ $ref: `#/components/schemas/${meta}` }] },
    },
    'x-kubernetes-group-version-kind': [{ group, version, kind }],
  };
}

const more = 'https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md';
const apiVersionText = `APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: ${more}#resources`;
const kindText = `Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: ${more}#types-kinds`;
const metadataText = `Standard object's metadata. More info: ${more}#metadata`;

const text = (name: string): Loose => ({ name, in: 'query', schema: { type: 'string', uniqueItems: true } });
const pathText = (name: string): Loose => ({ name, in: 'path', required: true, schema: { type: 'string' } });
const writing = [text('dryRun'), text('fieldManager'), text('fieldValidation')];

function pathsOf(type: ResourceType, schemaName: string): Record<string, Loose> {
  const { fact, group, version, kind } = type;
  const referenceTo = (name: string): Loose => ({ $ref: `#/components/schemas/${name}` });
  const reference = referenceTo(schemaName);
  const operation = (action: string, parameters: Loose[], media?: string[]): Loose => ({
    parameters,
    ...(media && {
      requestBody: { required: true, content: Object.fromEntries(media.map((one) => [one, { schema: reference }])) },
    }),
    responses: {
      200: {
        description: 'OK',
        content: { 'application/json': { schema: action === 'list' ? referenceTo(`${schemaName}List`) : reference } },
      },
    },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group, version, kind },
  });
  const patches = [
    'application/apply-patch+yaml',
    'application/json-patch+json',
    'application/merge-patch+json',
    ...(type.definition ? [] : ['application/strategic-merge-patch+json']),
  ];
  const has = (verb: string): boolean => fact.verbs.includes(verb);
  const collection = `${rootOf(type)}${fact.namespaced ? '/namespaces/{namespace}' : ''}/${fact.resource}`;
  const where = fact.namespaced ? [pathText('namespace')] : [];
  return {
    [collection]: {
      ...(has('list') && { get: operation('list', [text('labelSelector'), text('fieldSelector')]) }),
      ...(has('create') && { post: operation('post', writing, ['*/*']) }),
      parameters: where,
    },
    ...(has('get') && {
      [`${collection}/{name}`]: {
        get: operation('get', []),
        ...(has('update') && { put: operation('put', writing, ['*/*']) }),
        ...(has('delete') && { delete: operation('delete', [text('dryRun'), text('propagationPolicy')]) }),
        ...(has('patch') && { patch: operation('patch', [...writing, text('force')], patches) }),
        parameters: [pathText('name'), ...where],
      },
    }),
  };
}
