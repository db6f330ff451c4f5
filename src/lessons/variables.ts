/** What a lesson may name as `${…}` in its prose, commands, checks and copied files; filled in per learner. */
export const VARIABLES = {
  namespace: 'the sandbox’s namespace',
  learner: 'the learner’s name, as in addresses',
  domain: 'the learner’s domain, `<learner>.localhost` on one’s own machine',
  port: 'what follows a host of an Ingress in an https address: nothing, or `:8443`',
  httpport: 'the same in an http address: nothing, or `:8880`',
  acme: 'the address of the ACME server, without a directory',
  production: 'the directory of the ACME server whose certificates count',
  staging: 'its directory for trying, whose certificates nobody trusts',
  charts: 'the address of the Helm repository with the teaching charts',
  storage: 'the default StorageClass',
  server: 'the version of the cluster, as `v1.35.2`',
  context: 'the name of the kubeconfig’s context',
} as const;

export type VariableName = keyof typeof VARIABLES;
export type Variables = Readonly<Partial<Record<VariableName, string>>>;

const REFERENCE = /\$\{([a-zA-Z_][a-zA-Z0-9_]*)\}/g;

/** Replaces each `${name}`; a name without a value stays, so that it is seen. */
export function fillText(text: string, variables: Variables): string {
  return text.replace(REFERENCE, (whole, name: string) => variables[name as VariableName] ?? whole);
}

/** The same in every text of a value, lists and objects included. */
export function fill<T>(value: T, variables: Variables): T {
  if (typeof value === 'string') return fillText(value, variables) as T;
  if (Array.isArray(value)) return value.map((inner) => fill(inner, variables)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, fill(inner, variables)])) as T;
}

/** Every `${name}` in a text, with its offset. */
export function references(text: string): { name: string; offset: number }[] {
  return [...text.matchAll(REFERENCE)].map((match) => ({ name: match[1] ?? '', offset: match.index }));
}

export function isVariable(name: string): name is VariableName {
  return Object.hasOwn(VARIABLES, name);
}

/** Stand-ins as long as the references they replace, so that offsets in a checked text stay those of the file. */
export function placeholders(): Variables {
  return Object.fromEntries(Object.keys(VARIABLES).map((name) => [name, 'x'.repeat(name.length + 3)]));
}
