import { isDeepStrictEqual } from 'node:util';
import { compile, type Expression } from '../../../../cel/kubernetes/program.ts';
import { REQUEST_BYTES, schemaType } from '../../../../cel/kubernetes/schema-type.ts';

import { BOOL, type KType, optionalOf, STRING } from '../../../../cel/kubernetes/types.ts';
import { Optional } from '../../../../cel/kubernetes/values.ts';
import type { Schema } from '../../../../kubernetes/facts.ts';
import type { Loose } from '../../../../kubernetes/object.ts';
import type { FieldError } from '../resources/strategy.ts';
import { correlation } from './correlation.ts';
import { duplicate, forbidden, invalid, required } from './field-errors.ts';
import { fieldAt } from './field-path.ts';

/** A rule as the definition has it. */
export interface Rule {
  rule: string;
  message?: string;
  messageExpression?: string;
  fieldPath?: string;
  reason?: string;
  optionalOldSelf?: boolean;
}

export interface CompiledRule {
  rule: Rule;
  expression?: Expression;
  /** Why there is no expression. */
  error?: string;
  telling?: Expression;
  tellingError?: string;
  usesOldSelf: boolean;
  /** Of the fault it finds, below the value. */
  path: string;
}

/** As often as a value of the schema fits into a request. */
export const cardinalityOf = (schema: Schema, resource: boolean): number =>
  Math.floor(REQUEST_BYTES / ((schemaType(schema, resource, 'self')?.bytes ?? 0) + 1));

/** What all rules of one object may spend. */
const OBJECT_BUDGET = 10_000_000;

/** Compiled once a schema. */
const compiled = new WeakMap<Schema, CompiledRule[]>();

/** @param resource a whole object, whose kind, apiVersion and name rules may read */
export function rulesOf(schema: Schema, resource: boolean): CompiledRule[] {
  const rules = (schema as Loose)['x-kubernetes-validations'] as Rule[] | undefined;
  if (!rules?.length) return [];
  let list = compiled.get(schema);
  if (!list) {
    const self = schemaType(schema, resource, 'selfType')?.type;
    list = rules.map((rule) => compileRule(rule, self, schema));
    compiled.set(schema, list);
  }
  return list;
}

function compileRule(rule: Rule, self: KType | undefined, schema: Schema): CompiledRule {
  const nothing = { rule, usesOldSelf: false, path: '' };
  if (!self) return { ...nothing, error: 'failed to convert to declType for CEL validation rules' };
  const scope = new Map([
    ['self', self],
    ['oldSelf', rule.optionalOldSelf ? optionalOf(self) : self],
  ]);
  const { expression, error } = compile(rule.rule, scope, BOOL);
  if (!expression) return { ...nothing, ...(error !== undefined && { error }) };
  const told: Partial<CompiledRule> = {};
  if (rule.messageExpression) {
    const { expression: telling, error: problem } = compile(rule.messageExpression, scope, STRING);
    if (telling) told.telling = telling;
    else if (problem?.startsWith('cel expression')) told.tellingError = 'messageExpression must evaluate to a string';
    else told.tellingError = `messageExpression ${problem}`;
  }
  const at = rule.fieldPath ? fieldAt(rule.fieldPath, schema) : undefined;
  const path = at && 'path' in at ? at.path : '';
  return { rule, expression, usesOldSelf: expression.reads('oldSelf'), path, ...told };
}

interface Walk {
  budget: number;
  faults: FieldError[];
  /** Faults of what was not changed: they were there before, and only warn. */
  tolerated: FieldError[];
}

/** Where a value has its counterpart in the old object; without one, whether the nearest that has one is unchanged. */
interface Before {
  value: Loose;
  known: boolean;
  same: boolean;
}

/**
 * What rules in CEL find wrong with an object whose schema found nothing that would keep them from running.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
 */
export function ruleFaults(
  object: Loose,
  old: Loose,
  schema: Schema,
): { faults: FieldError[]; tolerated: FieldError[] } {
  const walk: Walk = { budget: OBJECT_BUDGET, faults: [], tolerated: [] };
  const known = old !== undefined;
  visit(object, { value: old, known, same: known && isDeepStrictEqual(object, old) }, schema, '', true, walk);
  return { faults: walk.faults, tolerated: walk.tolerated };
}

function visit(value: Loose, before: Before, schema: Schema, path: string, resource: boolean, walk: Walk): void {
  if (value === undefined || value === null || walk.budget < 0) return;
  for (const rule of rulesOf(schema, resource)) {
    evaluate(rule, value, before, schema, path, walk);
    if (walk.budget < 0) return;
  }
  if (Array.isArray(value)) {
    const { items } = schema;
    if (!items || !hasRules(items)) return;
    const find = correlation(schema, before.value);
    for (const [index, item] of value.entries())
      visit(item, below(item, before, find(item)), items, `${path}[${index}]`, isEmbedded(items), walk);
    return;
  }
  if (typeof value !== 'object') return;
  const { additionalProperties } = schema;
  for (const key of Object.keys(value).sort()) {
    const property = schema.properties?.[key];
    const inner = property ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined);
    if (!inner || !hasRules(inner)) continue;
    const at = property ? (path ? `${path}.${key}` : key) : `${path}[${key}]`;
    visit(value[key], below(value[key], before, before.value?.[key]), inner, at, isEmbedded(inner), walk);
  }
}

const isEmbedded = (schema: Schema): boolean => schema['x-kubernetes-embedded-resource'] === true;

/** Whether a schema holds rules in CEL, at any depth. */
export function hasRules(schema: Schema): boolean {
  let known = holding.get(schema);
  if (known === undefined) {
    const inner = [...Object.values(schema.properties ?? {}), schema.items, schema.additionalProperties];
    known =
      !!(schema as Loose)['x-kubernetes-validations']?.length ||
      inner.some((each) => typeof each === 'object' && hasRules(each));
    holding.set(schema, known);
  }
  return known;
}

const holding = new WeakMap<Schema, boolean>();

function below(value: Loose, parent: Before, old: Loose): Before {
  const known = old !== undefined && old !== null;
  return { value: old, known, same: known ? isDeepStrictEqual(value, old) : !parent.known && parent.same };
}

const spent = 'validation failed due to running out of cost budget, no further validation rules will be run';

function evaluate(
  compiled: CompiledRule,
  value: Loose,
  before: Before,
  schema: Schema,
  path: string,
  walk: Walk,
): void {
  const { rule, expression, usesOldSelf } = compiled;
  const refuse = (why: string): void => {
    walk.faults.push(invalid(path || '<nil>', schema.type ?? '', why));
  };
  if (!expression) {
    refuse(`rule compile error: ${compiled.error}`);
    return;
  }
  if (usesOldSelf && !before.known && !rule.optionalOldSelf) return;
  const values = valuesFor(rule, value, before);
  const { value: holds, error, cost } = expression.run(values);
  walk.budget = error?.startsWith('operation cancelled') ? -1 : walk.budget - cost;
  const failure = failureOf(error, walk.budget, (rule.message || rule.rule).trim());
  if (failure !== undefined) refuse(failure);
  if (failure !== undefined || holds === true) return;
  const dot = compiled.path && !compiled.path.startsWith('[') && path ? '.' : '';
  const detail =
    messageOf(compiled, values, walk) ?? (rule.message ? rule.message.trim() : `failed rule: ${rule.rule.trim()}`);
  const fault = faultOf(rule, `${path}${dot}${compiled.path}` || '<nil>', value, schema, detail);
  (!usesOldSelf && before.same ? walk.tolerated : walk.faults).push(fault);
}

/** Why a rule could not be asked to its end. */
function failureOf(error: string | undefined, budget: number, rule: string): string | undefined {
  if (error?.startsWith('operation cancelled'))
    return `'${error}': no further validation rules will be run due to call cost exceeds limit for rule: ${rule}`;
  if (budget < 0) return spent;
  if (error?.startsWith('no such overload'))
    return `'${error}': call arguments did not match a supported operator, function or macro signature for rule: ${rule}`;
  return error === undefined ? undefined : `${error} evaluating rule: ${rule}`;
}

function valuesFor(rule: Rule, value: Loose, before: Before): Record<string, unknown> {
  if (rule.optionalOldSelf) return { self: value, oldSelf: optional(before.known ? before.value : undefined) };
  return { self: value, ...(before.known && { oldSelf: before.value }) };
}

const optional = (value: unknown): unknown => new Optional(value);

/** The text that `messageExpression` comes to, if it comes to one that can stand in a message. */
function messageOf({ telling }: CompiledRule, values: Record<string, unknown>, walk: Walk): string | undefined {
  if (!telling) return undefined;
  const { value, cost } = telling.run(values);
  walk.budget -= cost;
  const text = typeof value === 'string' ? value.trim() : '';
  return text === '' || text.includes('\n') || Buffer.byteLength(text) > 5 * 1024 ? undefined : text;
}

function faultOf(rule: Rule, at: string, value: Loose, schema: Schema, detail: string): FieldError {
  if (rule.reason === 'FieldValueForbidden') return forbidden(at, detail);
  if (rule.reason === 'FieldValueRequired') return required(at, detail);
  // Whole objects and lists are not repeated.
  const whole = schema.type === 'object' || schema.type === 'array';
  if (rule.reason === 'FieldValueDuplicate')
    return whole ? { field: at, reason: 'FieldValueDuplicate', message: 'Duplicate value' } : duplicate(at, value);
  const fault = invalid(at, value, detail);
  return whole ? { ...fault, message: `Invalid value: ${detail}` } : fault;
}
