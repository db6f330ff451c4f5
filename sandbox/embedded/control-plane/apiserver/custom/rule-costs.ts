import type { Loose } from '../../../../../kubernetes/object.ts';
import type { FieldError } from '../../resources/strategy.ts';
import { forbidden, invalid } from '../../schema/field-errors.ts';
import { type CompiledRule, cardinalityOf, rulesOf } from '../../schema/rules.ts';

const ruleLimit = 10_000_000;
const schemaLimit = 100_000_000;

/** Compiles the rules of one schema, and adds up what they may cost at worst. */
export class RuleCosts {
  #total = 0;
  #most: { at: string; cost: number }[] = [];

  /**
   * @param resource a whole object stands here
   * @param place how often a value of this schema can be there, and the list whose items have no counterpart
   */
  compile(
    schema: Loose,
    at: string,
    resource: boolean,
    place: { times: number | undefined; uncorrelated?: string },
  ): FieldError[] {
    const times = place.times ?? cardinalityOf(schema, resource);
    return rulesOf(schema, resource).flatMap((compiled, index) =>
      this.#ruleFaults(compiled, `${at}.x-kubernetes-validations[${index}]`, times, place.uncorrelated),
    );
  }

  #ruleFaults(compiled: CompiledRule, at: string, times: number, uncorrelated: string | undefined): FieldError[] {
    const faults: FieldError[] = [];
    const { rule, expression } = compiled;
    const most = expression?.estimate().max ?? 0;
    const cost = most === 0 || times === 0 ? 0 : most * times;
    if (cost > ruleLimit) faults.push(forbidden(`${at}.rule`, tooDear('estimated rule cost', cost, ruleLimit)));
    this.#observe(`${at}.rule`, cost);
    const shown = {
      Rule: rule.rule,
      Message: rule.message ?? '',
      MessageExpression: rule.messageExpression ?? '',
      Reason: rule.reason ?? null,
      FieldPath: rule.fieldPath ?? '',
      OptionalOldSelf: rule.optionalOldSelf ?? null,
    };
    if (compiled.error !== undefined) faults.push(invalid(`${at}.rule`, shown, compiled.error));
    if (compiled.tellingError !== undefined)
      faults.push(invalid(`${at}.messageExpression`, shown, compiled.tellingError));
    else if (compiled.telling) {
      const telling = compiled.telling.estimate().max;
      if (telling > ruleLimit)
        faults.push(
          forbidden(`${at}.messageExpression`, tooDear('estimated messageExpression cost', telling, ruleLimit)),
        );
      this.#observe(`${at}.messageExpression`, telling);
    }
    if (compiled.usesOldSelf && uncorrelated !== undefined)
      faults.push(
        invalid(
          `${at}.rule`,
          rule.rule,
          `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelated}`,
        ),
      );
    else if (!compiled.usesOldSelf && rule.optionalOldSelf !== undefined)
      faults.push(
        invalid(`${at}.optionalOldSelf`, rule.optionalOldSelf, 'may not be set if oldSelf is not used in rule'),
      );
    return faults;
  }

  #observe(at: string, cost: number): void {
    this.#total += cost;
    if (cost < schemaLimit / 100) return;
    this.#most = [...this.#most, { at, cost }].sort((one, other) => other.cost - one.cost).slice(0, 4);
  }

  /** Faults of the whole schema. */
  totalFaults(at: string): FieldError[] {
    if (this.#total <= schemaLimit) return [];
    const name = 'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema';
    return [
      ...this.#most.map((one) =>
        forbidden(one.at, 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema'),
      ),
      forbidden(at, tooDear(name, this.#total, schemaLimit)),
    ];
  }
}

function tooDear(name: string, cost: number, limit: number): string {
  const times = cost / limit;
  const factor = times > 100 ? 'more than 100x' : times < 1.5 ? `${times.toFixed(6)}x` : `${times.toFixed(1)}x`;
  return `${name} exceeds budget by factor of ${factor} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}
