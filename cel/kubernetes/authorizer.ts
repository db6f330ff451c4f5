import type { Library } from './signatures.ts';
import { EvaluationError, Opaque } from './values.ts';

/** What an expression asks about; with a path, or with a resource. */
export interface Asked {
  path?: string;
  group?: string;
  resource?: string;
  subresource?: string;
  namespace?: string;
  name?: string;
  /** Another than who makes the request: a ServiceAccount's user name. */
  user?: string;
}

/** Answers what `authorizer` in an expression is asked. */
export type Decide = (verb: string, asked: Asked) => { allowed: boolean; reason: string };

class Question extends Opaque {
  readonly typeName: string;
  readonly decide: Decide;
  readonly asked: Asked;
  constructor(kind: string, decide: Decide, asked: Asked) {
    super();
    this.typeName = `kubernetes.authorization.${kind}`;
    this.decide = decide;
    this.asked = asked;
  }
  same(other: Question): boolean {
    return other === this;
  }
  with(kind: string, more: Asked): Question {
    return new Question(kind, this.decide, { ...this.asked, ...more });
  }
}

class Decision extends Opaque {
  readonly typeName = 'kubernetes.authorization.Decision';
  readonly allowed: boolean;
  readonly reason: string;
  constructor({ allowed, reason }: ReturnType<Decide>) {
    super();
    this.allowed = allowed;
    this.reason = reason;
  }
  same(other: Decision): boolean {
    return other.allowed === this.allowed && other.reason === this.reason;
  }
}

/** The value of the variable `authorizer`. */
export const authorizerValue = (decide: Decide): unknown => new Question('Authorizer', decide, {});

/** The value of `authorizer.requestResource`. */
export const resourceCheckValue = (decide: Decide, asked: Asked): unknown =>
  new Question('ResourceCheck', decide, asked);

const question = (value: unknown): Question => value as Question;
const text = (value: unknown): string => value as string;

function check([on, verb]: unknown[], { spend }: { spend(units: number): void }): Decision {
  spend(350_000);
  const { decide, asked } = question(on);
  return new Decision(decide(text(verb), asked));
}

/** https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-authorizer-library */
export const authorization: Library = {
  'Authorizer.path(string) PathCheck': ([on, path]) => {
    if (text(path) === '') throw new EvaluationError('path must not be empty');
    return question(on).with('PathCheck', { path: text(path) });
  },
  'Authorizer.group(string) GroupCheck': ([on, group]) => question(on).with('GroupCheck', { group: text(group) }),
  'Authorizer.serviceAccount(string, string) Authorizer': ([on, namespace, name]) =>
    question(on).with('Authorizer', { user: `system:serviceaccount:${text(namespace)}:${text(name)}` }),
  'GroupCheck.resource(string) ResourceCheck': ([on, resource]) =>
    question(on).with('ResourceCheck', { resource: text(resource) }),
  'ResourceCheck.subresource(string) ResourceCheck': ([on, subresource]) =>
    question(on).with('ResourceCheck', { subresource: text(subresource) }),
  'ResourceCheck.namespace(string) ResourceCheck': ([on, namespace]) =>
    question(on).with('ResourceCheck', { namespace: text(namespace) }),
  'ResourceCheck.name(string) ResourceCheck': ([on, name]) => question(on).with('ResourceCheck', { name: text(name) }),
  'ResourceCheck.fieldSelector(string) ResourceCheck': ([on]) => on,
  'ResourceCheck.labelSelector(string) ResourceCheck': ([on]) => on,
  'PathCheck.check(string) Decision': check,
  'ResourceCheck.check(string) Decision': check,
  'Decision.allowed() bool': ([decision]) => (decision as Decision).allowed,
  'Decision.reason() string': ([decision]) => (decision as Decision).reason,
  'Decision.errored() bool': () => false,
  'Decision.error() string': () => '',
};
