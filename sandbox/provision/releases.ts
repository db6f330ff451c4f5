import type { Loose } from '../../kubernetes/object.ts';

/** One request to the API: the body of its answer. Rejects with an error that has the status as `code`. */
export type Ask = (method: 'GET' | 'DELETE' | 'PATCH', path: string, body?: object) => Promise<Loose>;

export interface ReleaseOptions {
  ask: Ask;
  /** Deletes an object; resolves when it is gone. */
  remove(collection: string, name: string): Promise<void>;
  /** Whether a namespace is of the sandbox. */
  isOurs(namespace: string): boolean;
  /** Deletes the sandbox's namespaces. */
  removeNamespaces(): Promise<void>;
  /** Milliseconds that controllers have to let go of their objects. */
  patience?: number;
}

interface Kind {
  name: string;
  /** `/apis/GROUP/VERSION`, or `/api/v1`. */
  root: string;
  namespaced: boolean;
}

interface Left {
  kind: Kind;
  name: string;
  namespace: string | undefined;
}

/** What Helm writes on all that it makes. https://helm.sh/docs/intro/using_helm/ */
const releaseNamespace = 'meta.helm.sh/release-namespace';
/** What stands between a request and its object: without its backend it would refuse all that follows. */
const first = ['validatingwebhookconfigurations', 'mutatingwebhookconfigurations', 'apiservices'];
const definitions = 'customresourcedefinitions';

/**
 * Removes what releases of the sandbox's namespaces left outside them: roles, classes, webhooks, definitions that Helm
 * keeps, of whatever kind the cluster has. Webhooks go first, definitions with their objects while controllers are there to
 * let go of them, then the namespaces, then the rest.
 */
export async function removeReleases(options: ReleaseOptions): Promise<void> {
  const { ask, isOurs, removeNamespaces } = options;
  const left = (await Promise.all((await kindsOf(ask)).map((kind) => leftOf(ask, kind, isOurs)))).flat();
  const gates = left.filter(({ kind }) => first.includes(kind.name));
  const defined = left.filter(({ kind }) => kind.name === definitions);
  const rest = left.filter((each) => !gates.includes(each) && !defined.includes(each));
  await deleteAll(ask, gates);
  await Promise.all(defined.map(({ kind, name }) => removeDefinition(options, `${kind.root}/${definitions}`, name)));
  await removeNamespaces();
  await deleteAll(ask, rest);
}

/** Every kind that can be listed and deleted. */
async function kindsOf(ask: Ask): Promise<Kind[]> {
  const { groups } = await ask('GET', '/apis');
  const roots = ['/api/v1', ...groups.map(({ preferredVersion }: Loose) => `/apis/${preferredVersion.groupVersion}`)];
  const lists = await Promise.all(
    roots.map(async (root) => {
      // A group whose server is gone lists nothing.
      const { resources = [] } = await ask('GET', root).catch(() => ({}));
      return resources
        .filter(({ name, verbs }: Loose) => !name.includes('/') && verbs.includes('list') && verbs.includes('delete'))
        .map(({ name, namespaced }: Loose): Kind => ({ name, namespaced, root }));
    }),
  );
  return lists.flat();
}

/** Objects of a kind that belong to the sandbox and stand outside its namespaces. */
async function leftOf(ask: Ask, kind: Kind, isOurs: (namespace: string) => boolean): Promise<Left[]> {
  const { items = [] } = await ask('GET', `${kind.root}/${kind.name}`).catch(() => ({}));
  return items
    .map(({ metadata }: Loose) => metadata)
    .filter(({ annotations, namespace }: Loose) => {
      const of = annotations?.[releaseNamespace];
      return of !== undefined && isOurs(of) && !(namespace && isOurs(namespace)) && kind.name !== 'namespaces';
    })
    .map(({ name, namespace }: Loose): Left => ({ kind, name, namespace }));
}

async function deleteAll(ask: Ask, objects: Left[]): Promise<void> {
  await Promise.all(
    objects.map(({ kind, name, namespace }) => {
      const place = namespace ? `${kind.root}/namespaces/${namespace}` : kind.root;
      return ask('DELETE', `${place}/${kind.name}/${name}`).catch(unlessGone);
    }),
  );
}

/** A definition goes with its objects; those that nobody lets go of in time lose their finalizers. */
async function removeDefinition(options: ReleaseOptions, collection: string, name: string): Promise<void> {
  const { ask, remove, patience = 3_000 } = options;
  const { spec } = await ask('GET', `${collection}/${name}`);
  const timer = setTimeout(() => void letGo(ask, spec).catch(() => {}), patience);
  try {
    await remove(collection, name);
  } finally {
    clearTimeout(timer);
  }
}

async function letGo(ask: Ask, { group, names, versions }: Loose): Promise<void> {
  const version = versions.find(({ served }: Loose) => served)?.name;
  const { items = [] } = await ask('GET', `/apis/${group}/${version}/${names.plural}`);
  await Promise.all(
    items.map(({ metadata }: Loose) => {
      const place = metadata.namespace ? `namespaces/${metadata.namespace}/` : '';
      const path = `/apis/${group}/${version}/${place}${names.plural}/${metadata.name}`;
      return ask('PATCH', path, { metadata: { finalizers: null } }).catch(unlessGone);
    }),
  );
}

function unlessGone(error: { code?: number }): void {
  if (error.code !== 404) throw error;
}
