import { compileExpression, type Expression } from '../../../../cel/expression.ts';
import { openApiType } from '../../../../cel/openapi.ts';
import { BOOL, STRING } from '../../../../cel/types.ts';
import type { Schema } from '../../../../kubernetes/facts.ts';
import type { Loose } from '../../../../kubernetes/object.ts';
import type { FieldError } from '../resources/strategy.ts';
import { invalid } from './field-errors.ts';

/** A rule as the definition has it. */
interface Rule {
  rule: string;
  message?: string;
  messageExpression?: string;
  fieldPath?: string;
  reason?: string;
}

interface CompiledRule extends Rule {
  expression?: Expression;
  telling?: Expression;
  problem?: string;
}

/** Compiled once a schema. */
const compiled = new WeakMap<Schema, CompiledRule[]>();

function rulesOf(schema: Schema): CompiledRule[] {
  const rules = (schema as Loose)['x-kubernetes-validations'] as Rule[] | undefined;
  if (!rules?.length) return [];
  let list = compiled.get(schema);
  if (!list) {
    const self = openApiType(schema, () => undefined, 'self');
    const scope = { self, oldSelf: self };
    list = rules.map((rule) => {
      const { expression, problems } = compileExpression(rule.rule, scope, BOOL);
      const telling = rule.messageExpression && compileExpression(rule.messageExpression, scope, STRING).expression;
      return {
        ...rule,
        ...(expression ? { expression } : { problem: problems[0]?.message ?? 'unknown' }),
        ...(telling && { telling }),
      };
    });
    compiled.set(schema, list);
  }
  return list;
}

/**
 * What rules in CEL find wrong with a value whose schema found nothing that would keep them from running.
 * Rules about `oldSelf` are asked only where there was a value before.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
 */
export function ruleFaults(value: Loose, old: Loose, schema: Schema, path = ''): FieldError[] {
  if (value === undefined || value === null) return [];
  const faults = rulesOf(schema).flatMap((rule) => faultOf(rule, value, old, path) ?? []);
  if (Array.isArray(value)) {
    // Items of a list have no counterpart in the old one here: their rules about it are not asked.
    if (schema.items)
      for (const [index, item] of value.entries())
        faults.push(...ruleFaults(item, undefined, schema.items, `${path}[${index}]`));
  } else if (typeof value === 'object') {
    for (const key of Object.keys(value).sort()) {
      const property = schema.properties?.[key];
      const additional = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
      if (property) faults.push(...ruleFaults(value[key], old?.[key], property, path ? `${path}.${key}` : key));
      else if (additional) faults.push(...ruleFaults(value[key], old?.[key], additional, `${path}[${key}]`));
    }
  }
  return faults;
}

function faultOf(rule: CompiledRule, value: Loose, old: Loose, path: string): FieldError | undefined {
  const at = `${path}${rule.fieldPath ?? ''}` || '<nil>';
  const text = (rule.message ?? rule.rule).trim();
  const type = Array.isArray(value) ? 'array' : typeof value;
  if (!rule.expression) return invalid(at, type, `rule compile error: ${rule.problem}`);
  const variables = { self: value, ...(old !== undefined && { oldSelf: old }) };
  if (old === undefined && rule.expression.reads('oldSelf').length > 0) return undefined;
  const outcome = rule.expression.evaluate(variables);
  if ('absent' in outcome) return invalid(at, type, `no such key: ${outcome.absent} evaluating rule: ${text}`);
  if ('error' in outcome) return invalid(at, type, `${outcome.error} evaluating rule: ${text}`);
  if (outcome.value === true) return undefined;
  const told = rule.telling?.evaluate(variables);
  const detail =
    told && 'value' in told && typeof told.value === 'string' && told.value.trim() !== ''
      ? told.value.trim()
      : (rule.message?.trim() ?? `failed rule: ${rule.rule.trim()}`);
  const fault = invalid(at, value, detail);
  // Whole objects and lists are not repeated.
  if (typeof value === 'object') fault.message = `Invalid value: ${detail}`;
  return rule.reason ? { ...fault, reason: rule.reason as FieldError['reason'] } : fault;
}
