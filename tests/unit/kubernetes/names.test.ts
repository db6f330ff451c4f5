import { describe, expect, it } from 'vitest';
import {
  configMapKey,
  dns1035Label,
  dns1123Label,
  dns1123Subdomain,
  environmentName,
  labelValue,
  portName,
  qualifiedName,
} from '../../../kubernetes/names.ts';

describe('names', () => {
  it('says what a subdomain must be', () => {
    expect(dns1123Subdomain('web.example')).toEqual([]);
    expect(dns1123Subdomain('Web_1')).toEqual([
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ]);
  });
  it('says what a label must be', () => {
    expect(dns1123Label('a.b')).toEqual(['must not contain dots']);
    expect(dns1123Label('a'.repeat(64))).toEqual(['must be no more than 63 characters']);
    expect(dns1123Label('A')[0]).toContain("(e.g. 'my-name',  or '123-abc', regex used for validation is '");
    expect(dns1035Label('1a')[0]).toContain('start with an alphabetic character');
  });
  it.each(['app', 'example.com/app', 'a_b.C-d'])('%s is a label key', (key) => expect(qualifiedName(key)).toEqual([]));
  it.each([
    ['', 'name part must be non-empty'],
    ['/a', 'prefix part must be non-empty'],
    ['a/b/c', 'a valid label key must consist of'],
    ['-a', 'name part must consist of'],
  ])('%j is no label key', (key, sentence) => expect(qualifiedName(key)[0]).toContain(sentence));
  it('knows values, ports, environment and keys', () => {
    expect(labelValue('')).toEqual([]);
    expect(labelValue('a b')).toHaveLength(1);
    expect(portName('web--1-')).toEqual([
      'must not contain consecutive hyphens',
      'must not begin or end with a hyphen',
    ]);
    expect(environmentName('1 A')).toEqual([]);
    expect(environmentName('A=B')).toHaveLength(1);
    expect(configMapKey('..a')).toEqual(["must not start with '..'"]);
  });
});
