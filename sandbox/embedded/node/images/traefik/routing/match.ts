import { RE2JS } from 're2js';
import { inNetworks } from '../server/addresses.ts';
import type { Exchange } from '../server/exchange.ts';
import { parseRule, type Rule, RuleError } from './rule.ts';

export type Match = (exchange: Exchange) => boolean;

const expected: Record<string, number[]> = {
  ClientIP: [1],
  Method: [1],
  Host: [1],
  HostRegexp: [1],
  Path: [1],
  PathRegexp: [1],
  PathPrefix: [1],
  Header: [2],
  HeaderRegexp: [2],
  Query: [1, 2],
  QueryRegexp: [1, 2],
};

/** A rule as a test of requests. Throws {@link RuleError}. */
export function compileRule(rule: string): Match {
  let doing = 'parsing';
  try {
    const parsed = parseRule(rule);
    doing = 'adding';
    return compile(parsed);
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    throw new RuleError(`error while parsing rule ${rule}: ${doing} rule ${rule}: ${error.message}`);
  }
}

function compile(rule: Rule): Match {
  if (rule.left) {
    const left = compile(rule.left);
    const right = compile(rule.right);
    return rule.matcher === 'or'
      ? (exchange) => left(exchange) || right(exchange)
      : (exchange) => left(exchange) && right(exchange);
  }
  const { matcher, values, not } = rule;
  const checked = `error while checking rule ${matcher}: `;
  if (values.length === 0) throw new RuleError(`${checked}no args for matcher ${matcher}`);
  if (values.includes('')) throw new RuleError(`${checked}empty args for matcher ${matcher}, [${values.join(' ')}]`);
  const adding = `error while adding rule ${matcher}: `;
  const counts = expected[matcher]!;
  if (!counts.includes(values.length))
    throw new RuleError(
      `${adding}unexpected number of parameters; got ${values.length}, expected one of [${counts.join(' ')}]`,
    );
  let match: Match;
  try {
    match = matcherOf(matcher, values[0]!, values[1]);
  } catch (error) {
    throw new RuleError(adding + (error as Error).message);
  }
  return not ? (exchange) => !match(exchange) : match;
}

/** Regular expressions of Go, compiled. Throws as Go's regexp does. */
export function expression(text: string): RE2JS {
  try {
    return RE2JS.compile(text);
  } catch (error) {
    throw new Error((error as Error).message.replace(/: `/, ': `'));
  }
}

function ascii(matcher: string, host: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what is asked.
  if (!/^[\x00-\x7f]*$/.test(host))
    throw new Error(
      `invalid value ${JSON.stringify(host)} for ${matcher} matcher, non-ASCII characters are not allowed`,
    );
}

function matcherOf(matcher: string, first: string, second: string | undefined): Match {
  switch (matcher) {
    case 'ClientIP': {
      let inside: (address: string) => boolean;
      try {
        inside = inNetworks([first]);
      } catch (error) {
        throw new Error(`initializing IP checker for ClientIP matcher: ${(error as Error).message}`);
      }
      return ({ client }) => inside(client);
    }
    case 'Method': {
      const method = first.toUpperCase();
      return ({ req }) => req.method === method;
    }
    case 'Host': {
      ascii('Host', first);
      const wanted = first.toLowerCase().replace(/\.$/, '');
      return ({ host }) => host !== '' && (host === wanted || host.replace(/\.$/, '') === wanted);
    }
    case 'HostRegexp': {
      ascii('HostRegexp', first);
      const pattern = compiled('HostRegexp', first);
      return ({ host }) => pattern.matcher(host).find();
    }
    case 'Path':
    case 'PathPrefix': {
      if (!first.startsWith('/')) throw new Error(`path ${JSON.stringify(first)} does not start with a '/'`);
      if (first === '/' && matcher === 'PathPrefix') return () => true;
      return matcher === 'Path' ? ({ path }) => path === first : ({ path }) => path.startsWith(first);
    }
    case 'PathRegexp': {
      const pattern = compiled('PathPrefix', first);
      return ({ path }) => pattern.matcher(path).find();
    }
    case 'Header':
    case 'HeaderRegexp': {
      const name = first.toLowerCase();
      const test = textTest(matcher, second!);
      return ({ req }) => {
        const value = req.headers[name];
        return value !== undefined && (Array.isArray(value) ? value.some(test) : test(value));
      };
    }
    default: {
      const test =
        matcher === 'QueryRegexp' && second !== undefined ? textTest(matcher, second) : textTest('Query', second ?? '');
      return (exchange) => exchange.query.getAll(first).some(test);
    }
  }
}

function textTest(matcher: string, wanted: string): (value: string) => boolean {
  if (!matcher.endsWith('Regexp')) return (value) => value === wanted;
  const pattern = compiled(matcher, wanted);
  return (value) => pattern.matcher(value).find();
}

function compiled(matcher: string, text: string): RE2JS {
  try {
    return expression(text);
  } catch (error) {
    throw new Error(`compiling ${matcher} matcher: ${(error as Error).message}`);
  }
}
