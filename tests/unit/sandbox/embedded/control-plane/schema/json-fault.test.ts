import { describe, expect, it } from 'vitest';
import { syntaxFault } from '../../../../../../sandbox/embedded/control-plane/schema/json-fault.ts';

/** What a real server said of such documents in a Secret of type `kubernetes.io/dockerconfigjson`. */
describe('faults of JSON in the words of Go', () => {
  it.each([
    ['nojson', "invalid character 'o' in literal null (expecting 'u')"],
    ['tru', "invalid character ' ' in literal true (expecting 'e')"],
    ['nul', "invalid character ' ' in literal null (expecting 'l')"],
    ['', 'unexpected end of JSON input'],
    ['{', 'unexpected end of JSON input'],
    ['[1,2', 'unexpected end of JSON input'],
    ['"abc', 'unexpected end of JSON input'],
    ['x', "invalid character 'x' looking for beginning of value"],
    ['{"a":}', "invalid character '}' looking for beginning of value"],
    ['[1,]', "invalid character ']' looking for beginning of value"],
    ['{a:1}', "invalid character 'a' looking for beginning of object key string"],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b":2}', "invalid character '\"' after object key:value pair"],
    ['[1 2]', "invalid character '2' after array element"],
    ['{} x', "invalid character 'x' after top-level value"],
    ['12a', "invalid character 'a' after top-level value"],
    ['-', "invalid character ' ' in numeric literal"],
    ['"a\\q"', "invalid character 'q' in string escape code"],
  ])('%s', (text, fault) => expect(syntaxFault(text)).toBe(fault));

  it.each([
    '{}',
    ' [] ',
    '{"a": [1, -0.5e+3, {"b": null}], "c": "\\u00e9ö"}',
    '0',
    '5',
    '1.5',
    '2E9',
    'true',
    '"x"',
    '[[], {}]',
  ])('none in %s', (text) => {
    expect(syntaxFault(text)).toBe('');
    JSON.parse(text);
  });
});
