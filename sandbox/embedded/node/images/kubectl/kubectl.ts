import { parseAllDocuments, stringify } from 'yaml';
import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import type { ContainerProcess, Program } from '../image.ts';
import { type Answer, type Connection, connect, KubectlError, readText, standardInput } from './connection.ts';
import { findKind, type Kind, pathOf } from './kinds.ts';

/** The commands of kubectl that scripts in pods use; any other says that it is simulated. */

interface Call {
  process: ContainerProcess;
  words: string[];
  flags: Map<string, string>;
  connection: Connection;
  namespace: string;
  print(text: string): Promise<void>;
}

const short: Record<string, string> = {
  n: 'namespace',
  o: 'output',
  l: 'selector',
  f: 'filename',
  A: 'all-namespaces',
  c: 'container',
  p: 'patch',
};
const switches = new Set([
  'all-namespaces',
  'no-headers',
  'show-labels',
  'client',
  'ignore-not-found',
  'wait',
  'all',
  'server-side',
]);

function parseArguments(args: string[]): { words: string[]; flags: Map<string, string> } {
  const words: string[] = [];
  const flags = new Map<string, string>();
  for (let at = 0; at < args.length; at++) {
    const word = args[at]!;
    const match = /^(?:--([a-z-]+)|-([a-zA-Z]))(?:=?([\s\S]*))?$/.exec(word);
    if (!match || word === '-') words.push(word);
    else {
      const name = match[1] ?? short[match[2]!];
      if (!name) throw new KubectlError(`unknown shorthand flag: '${match[2]}' in ${word}`);
      if (word.includes('=') || (match[2] && match[3])) flags.set(name, match[3] ?? '');
      else if (switches.has(name)) flags.set(name, 'true');
      else flags.set(name, args[++at] ?? '');
    }
  }
  return { words, flags };
}

const commands: Record<string, (call: Call) => Promise<number>> = {
  apply: (call) => eachFile(call, applyObject),
  create: (call) => eachFile(call, createObject),
  delete: remove,
  get,
  patch,
  scale,
  auth,
  'cluster-info': async ({ connection, print }) => {
    await print(`Kubernetes control plane is running at ${connection.server}\n`);
    return 0;
  },
  config: async ({ words, connection, print }) => {
    if (words[0] !== 'current-context') throw notPlayed(`config ${words[0] ?? ''}`);
    if (!connection.context) throw new KubectlError('current-context is not set');
    await print(`${connection.context}\n`);
    return 0;
  },
  logs,
  version: async (call) => {
    await call.print('Client Version: v1.35.2\nKustomize Version: v5.7.1\n');
    if (call.flags.has('client')) return 0;
    const { gitVersion } = accepted(await call.connection.request('GET', '/version'));
    await call.print(`Server Version: ${gitVersion}\n`);
    return 0;
  },
};

const notPlayed = (what: string) =>
  new KubectlError(
    `kubectl ${what.trim()} is not part of this simulated image: it has ${Object.keys(commands).join(', ')}`,
  );

export const kubectl: Program = async (process) => {
  try {
    const [verb, ...rest] = process.argv.slice(1);
    const run = verb && commands[verb];
    if (!run) throw notPlayed(verb ?? 'without a command');
    const { words, flags } = parseArguments(rest);
    const connection = connect(process, flags);
    const namespace = flags.get('namespace') ?? connection.namespace;
    const print = (text: string) => process.stdout.write(text);
    return await run({ process, words, flags, connection, namespace, print });
  } catch (error) {
    if (!(error instanceof KubectlError)) throw error;
    const bare = /^(Error from server|The connection|Unable to connect)/.test(error.message);
    await process.stderr.write(`${bare ? '' : 'error: '}${error.message}\n`);
    return 1;
  }
};

/** The body, or the server's refusal as kubectl tells it. */
function accepted({ code, body }: Answer): Loose {
  if (code < 400) return body;
  const reason = body.reason ? ` (${body.reason})` : '';
  throw new KubectlError(`Error from server${reason}: ${body.message ?? `the server answered ${code}`}`);
}

/** `pods`, `pod/web`, `deploy web other`. */
async function targets(call: Call): Promise<{ kind: Kind; name?: string }[]> {
  const [first = '', ...names] = call.words;
  if (!first) throw new KubectlError('You must specify the type of resource to get.');
  if (first.includes('/'))
    return Promise.all(
      call.words.map(async (word) => {
        const [type = '', name = ''] = word.split('/');
        return { kind: await findKind(call.connection, type), name };
      }),
    );
  const kinds = await Promise.all(first.split(',').map((type) => findKind(call.connection, type)));
  return kinds.flatMap((kind) => (names.length ? names.map((name) => ({ kind, name })) : [{ kind }]));
}

const tableType = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

async function get(call: Call): Promise<number> {
  const { connection, flags, print } = call;
  const output = flags.get('output') ?? '';
  const everywhere = flags.has('all-namespaces');
  const found: Loose[] = [];
  const asTable = output === '' || output === 'wide';
  for (const { kind, name } of await targets(call)) {
    const query = flags.get('selector') ? `?labelSelector=${encodeURIComponent(flags.get('selector')!)}` : '';
    const path = pathOf(kind, everywhere ? undefined : call.namespace, name) + query;
    const answer = await connection.request(
      'GET',
      path,
      undefined,
      undefined,
      asTable ? tableType : 'application/json',
    );
    if (answer.code === 404 && flags.has('ignore-not-found')) continue;
    const body = accepted(answer);
    if (asTable) await print(tableOf(body, call, everywhere && kind.namespaced));
    else
      found.push(
        ...(body.items ?? [body]).map((item: Loose) => ({ apiVersion: kind.apiVersion, kind: kind.kind, ...item })),
      );
    if (asTable && !body.rows?.length) {
      const where = everywhere || !kind.namespaced ? '' : ` in ${call.namespace} namespace`;
      await call.process.stderr.write(`No resources found${where}${where ? '.' : ''}\n`);
    }
  }
  if (asTable) return 0;
  const single = found.length === 1 && (call.words.length > 1 || call.words[0]!.includes('/'));
  const whole = single ? found[0] : { apiVersion: 'v1', items: found, kind: 'List', metadata: { resourceVersion: '' } };
  if (output === 'name') for (const item of found) await print(`${nameOf(item)}\n`);
  else if (output === 'json') await print(`${JSON.stringify(whole, null, 4)}\n`);
  else if (output === 'yaml') await print(stringify(whole));
  else throw notPlayed(`get -o ${output}`);
  return 0;
}

function tableOf({ columnDefinitions = [], rows = [] }: Loose, { flags }: Call, spaces: boolean): string {
  if (rows.length === 0) return '';
  const wide = flags.get('output') === 'wide';
  const shown = columnDefinitions.flatMap((column: Loose, index: number) =>
    wide || !column.priority ? [{ name: String(column.name).toUpperCase(), index }] : [],
  );
  const lines: string[][] = rows.map((row: Loose) => [
    ...(spaces ? [row.object?.metadata?.namespace ?? ''] : []),
    ...shown.map(({ index }: Loose) => String(row.cells[index] ?? '<none>')),
  ]);
  const head = [...(spaces ? ['NAMESPACE'] : []), ...shown.map(({ name }: Loose) => name)];
  if (!flags.has('no-headers')) lines.unshift(head);
  const widths = head.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
  const text = (line: string[]) =>
    line.map((cell, at) => (at < line.length - 1 ? cell.padEnd(widths[at]! + 3) : cell)).join('');
  return `${lines.map(text).join('\n')}\n`;
}

function nameOf({ apiVersion = 'v1', kind = '', metadata }: Loose): string {
  const group = apiVersion.includes('/') ? `.${apiVersion.split('/')[0]}` : '';
  return `${kind.toLowerCase()}${group}/${metadata.name}`;
}

async function eachFile(
  call: Call,
  act: (call: Call, object: KubeObject, kind: Kind) => Promise<string>,
): Promise<number> {
  const file = call.flags.get('filename');
  if (!file) throw notPlayed('apply, create and delete without -f');
  const text = file === '-' ? await standardInput(call.process) : readText(call.process, file);
  if (text === undefined) throw new KubectlError(`the path "${file}" does not exist`);
  for (const document of parseAllDocuments(text)) {
    const object = document.toJS() as KubeObject | null;
    if (!object) continue;
    const kind = await findKind(call.connection, object.kind, object.apiVersion);
    await call.print(`${nameOf(object)} ${await act(call, object, kind)}\n`);
  }
  return 0;
}

const placeOf = (call: Call, object: KubeObject, kind: Kind, name?: string) =>
  pathOf(kind, object.metadata.namespace ?? call.namespace, name);

async function createObject(call: Call, object: KubeObject, kind: Kind): Promise<string> {
  const path = `${placeOf(call, object, kind)}?fieldManager=kubectl-create&fieldValidation=Strict`;
  accepted(await call.connection.request('POST', path, object));
  return 'created';
}

async function applyObject(call: Call, object: KubeObject, kind: Kind): Promise<string> {
  const path = placeOf(call, object, kind, object.metadata.name);
  const before = await call.connection.request('GET', path);
  const query = '?fieldManager=kubectl&fieldValidation=Strict&force=true';
  const now = accepted(await call.connection.request('PATCH', path + query, object, 'application/apply-patch+yaml'));
  if (before.code === 404) return 'created';
  return before.body.metadata?.resourceVersion === now.metadata.resourceVersion ? 'unchanged' : 'configured';
}

async function remove(call: Call): Promise<number> {
  const said = (namespaced: boolean, namespace: string) => `deleted${namespaced ? ` from ${namespace} namespace` : ''}`;
  if (call.flags.has('filename'))
    return eachFile(call, async (_, object, kind) => {
      accepted(await call.connection.request('DELETE', placeOf(call, object, kind, object.metadata.name)));
      return said(kind.namespaced, object.metadata.namespace ?? call.namespace);
    });
  for (const { kind, name } of await targets(call)) {
    if (!name) throw new KubectlError('resource(s) were provided, but no name was specified');
    const answer = await call.connection.request('DELETE', pathOf(kind, call.namespace, name));
    if (answer.code === 404 && call.flags.has('ignore-not-found')) continue;
    accepted(answer);
    await call.print(
      `${kind.singular}${kind.group && `.${kind.group}`} "${name}" ${said(kind.namespaced, call.namespace)}\n`,
    );
  }
  return 0;
}

async function patch(call: Call): Promise<number> {
  const types: Record<string, string> = {
    strategic: 'strategic-merge-patch+json',
    merge: 'merge-patch+json',
    json: 'json-patch+json',
  };
  const type = types[call.flags.get('type') ?? 'strategic'];
  let body: Loose;
  try {
    body = JSON.parse(call.flags.get('patch') ?? '');
  } catch {
    throw new KubectlError('must specify --patch or --patch-file containing the contents of the patch');
  }
  for (const { kind, name } of await targets(call)) {
    const path = `${pathOf(kind, call.namespace, name)}?fieldManager=kubectl-patch`;
    accepted(await call.connection.request('PATCH', path, body, `application/${type}`));
    await call.print(`${kind.singular}${kind.group && `.${kind.group}`}/${name} patched\n`);
  }
  return 0;
}

async function scale(call: Call): Promise<number> {
  const replicas = Number(call.flags.get('replicas'));
  if (!Number.isInteger(replicas)) throw new KubectlError('required flag(s) "replicas" not set');
  for (const { kind, name } of await targets(call)) {
    const path = `${pathOf(kind, call.namespace, name)}/scale`;
    accepted(await call.connection.request('PATCH', path, { spec: { replicas } }, 'application/merge-patch+json'));
    await call.print(`${kind.singular}${kind.group && `.${kind.group}`}/${name} scaled\n`);
  }
  return 0;
}

async function logs(call: Call): Promise<number> {
  const name = (call.words[0] ?? '').replace(/^pods?\//, '');
  const container = call.flags.get('container');
  const path = `/api/v1/namespaces/${call.namespace}/pods/${name}/log${container ? `?container=${container}` : ''}`;
  const answer = await call.connection.request('GET', path);
  accepted(answer);
  await call.print(answer.text);
  return 0;
}

async function auth(call: Call): Promise<number> {
  const [what, verb, type] = call.words;
  if (what === 'whoami') {
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
    const answer = await call.connection.request('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', review);
    const { username, groups = [] } = accepted(answer).status.userInfo;
    await call.print(`ATTRIBUTE   VALUE\nUsername    ${username}\nGroups      [${groups.join(' ')}]\n`);
    return 0;
  }
  if (what !== 'can-i' || !verb || !type) throw notPlayed(`auth ${what ?? ''}`);
  const kind = await findKind(call.connection, type);
  const resourceAttributes = { namespace: call.namespace, verb, group: kind.group, resource: kind.resource };
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes },
  };
  const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
  const { allowed } = accepted(await call.connection.request('POST', path, review)).status;
  await call.print(allowed ? 'yes\n' : 'no\n');
  return allowed ? 0 : 1;
}
