import type { CelFunction } from './functions.ts';
import { BOOL, type CelType, STRING } from './types.ts';

/** What a check is about; absent parts are empty. */
export interface Check {
  verb: string;
  path?: string;
  group?: string;
  resource?: string;
  subresource?: string;
  namespace?: string;
  name?: string;
  /** `namespace:name` of a ServiceAccount to ask for instead of whoever makes the request. */
  serviceAccount?: string;
}

export type Decide = (check: Check) => { allowed: boolean; reason: string };

/** `authorizer` of an expression, and each step on the way to its decision. */
export class Authorizer {
  readonly decide: Decide;
  readonly about: Omit<Check, 'verb'>;
  readonly decision: { allowed: boolean; reason: string } | undefined;

  constructor(decide: Decide, about: Omit<Check, 'verb'> = {}, decision?: { allowed: boolean; reason: string }) {
    this.decide = decide;
    this.about = about;
    this.decision = decision;
  }

  with(more: Omit<Check, 'verb'>): Authorizer {
    return new Authorizer(this.decide, { ...this.about, ...more });
  }
}

const AUTHORIZER: CelType = { kind: 'authorizer' };

function step(...fields: (keyof Omit<Check, 'verb'>)[]): CelFunction {
  return {
    receiver: 'authorizer',
    takes: fields.map(() => 'string' as const),
    gives: AUTHORIZER,
    call: ([of, ...values]) =>
      (of as Authorizer).with(Object.fromEntries(fields.map((field, index) => [field, values[index] as string]))),
  };
}

const ending = (gives: CelType, call: (of: Authorizer) => unknown): CelFunction => ({
  receiver: 'authorizer',
  takes: [],
  gives,
  call: ([of]) => call(of as Authorizer),
});

/** https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-authorizer-library */
export const AUTHORIZER_FUNCTIONS: Readonly<Record<string, readonly CelFunction[]>> = {
  path: [step('path')],
  group: [step('group')],
  resource: [step('resource')],
  subresource: [step('subresource')],
  namespace: [step('namespace')],
  name: [step('name')],
  serviceAccount: [
    {
      receiver: 'authorizer',
      takes: ['string', 'string'],
      gives: AUTHORIZER,
      call: ([of, namespace, name]) => (of as Authorizer).with({ serviceAccount: `${namespace}:${name}` }),
    },
  ],
  check: [
    {
      receiver: 'authorizer',
      takes: ['string'],
      gives: AUTHORIZER,
      call: ([value, verb]) => {
        const of = value as Authorizer;
        return new Authorizer(of.decide, of.about, of.decide({ ...of.about, verb: verb as string }));
      },
    },
  ],
  allowed: [ending(BOOL, (of) => of.decision?.allowed ?? false)],
  reason: [ending(STRING, (of) => of.decision?.reason ?? '')],
  errored: [ending(BOOL, () => false)],
  error: [ending(STRING, () => '')],
};
