import { describe, expect, test } from 'vitest';
import { indexRecords, lookupIn } from '../../../../../../../sandbox/embedded/node/network/zone/lookup.ts';
import {
  checkedRecord,
  textStrings,
  type ZoneRecord,
} from '../../../../../../../sandbox/embedded/node/network/zone/records.ts';

const domain = 'learner.localhost';
const record = (name: string, type: ZoneRecord['type'], ...targets: string[]): ZoneRecord => ({ name, type, targets });
const ask = (records: ZoneRecord[], name: string, type = 'A') =>
  lookupIn(indexRecords(records, domain), { domain, host: 'zone.atelier.internal', serial: 7 }, name, type);
const said = (records: ZoneRecord[], name: string, type = 'A') => {
  const { status, answers } = ask(records, name, type);
  return [status, ...answers.map((answer) => `${answer.name} ${answer.ttl} ${answer.type} ${answer.data}`)];
};

const wildcard = record('*.learner.localhost', 'A', '127.64.0.1');

describe('wildcards, by RFC 4592', () => {
  test('covers names of any depth below, not the apex', () => {
    expect(said([wildcard], 'jupyter.learner.localhost')).toEqual([
      'NOERROR',
      'jupyter.learner.localhost 300 A 127.64.0.1',
    ]);
    expect(said([wildcard], 'a.b.c.learner.localhost')).toEqual([
      'NOERROR',
      'a.b.c.learner.localhost 300 A 127.64.0.1',
    ]);
    expect(said([wildcard], 'learner.localhost')).toEqual(['NOERROR']);
  });

  test('a name that exists is not covered, whatever it holds, and neither is what is below it', () => {
    const records = [wildcard, record('web.learner.localhost', 'TXT', 'x')];
    expect(said(records, 'web.learner.localhost')).toEqual(['NOERROR']);
    expect(said(records, 'a.web.learner.localhost')).toEqual(['NXDOMAIN']);
    expect(said(records, 'other.learner.localhost')).toEqual(['NOERROR', 'other.learner.localhost 300 A 127.64.0.1']);
  });

  test('an empty non-terminal exists: NODATA, and no wildcard reaches it', () => {
    const records = [wildcard, record('_acme-challenge.jupyter.learner.localhost', 'TXT', 'token')];
    expect(said(records, 'jupyter.learner.localhost')).toEqual(['NOERROR']);
    expect(said(records, 'x.jupyter.learner.localhost')).toEqual(['NXDOMAIN']);
  });

  test('the nearest wildcard wins, and its own name can be asked', () => {
    const records = [wildcard, record('*.team.learner.localhost', 'A', '10.0.0.2')];
    expect(said(records, 'a.team.learner.localhost')).toEqual(['NOERROR', 'a.team.learner.localhost 300 A 10.0.0.2']);
    expect(said(records, 'team.learner.localhost')).toEqual(['NOERROR']);
    expect(said(records, '*.learner.localhost')).toEqual(['NOERROR', '*.learner.localhost 300 A 127.64.0.1']);
    expect(said(records, 'a.*.learner.localhost')).toEqual(['NXDOMAIN']);
  });

  test('another type at the wildcard is NODATA', () => {
    expect(said([wildcard], 'jupyter.learner.localhost', 'AAAA')).toEqual(['NOERROR']);
    expect(ask([wildcard], 'jupyter.learner.localhost', 'AAAA').authority[0]?.type).toBe('SOA');
  });

  test('an alias from a wildcard is given the name that was asked', () => {
    const records = [
      record('*.learner.localhost', 'CNAME', 'lb.learner.localhost'),
      record('lb.learner.localhost', 'A', '1.2.3.4'),
    ];
    expect(said(records, 'x.learner.localhost')).toEqual([
      'NOERROR',
      'x.learner.localhost 300 CNAME lb.learner.localhost.',
      'lb.learner.localhost 300 A 1.2.3.4',
    ]);
  });
});

describe('answers', () => {
  test('NXDOMAIN and NODATA carry the SOA, whose TTL is that of the negative answer', () => {
    const soa = {
      name: domain,
      type: 'SOA',
      ttl: 30,
      data: 'zone.atelier.internal. hostmaster.learner.localhost. 7 7200 1800 86400 30',
    };
    expect(ask([], 'nothing.learner.localhost')).toMatchObject({
      status: 'NXDOMAIN',
      authoritative: true,
      authority: [soa],
    });
    expect(ask([], 'learner.localhost', 'TXT')).toMatchObject({ status: 'NOERROR', answers: [], authority: [soa] });
  });

  test('the apex has SOA and NS', () => {
    expect(said([], domain, 'SOA')).toHaveLength(2);
    expect(said([], domain, 'NS')).toEqual(['NOERROR', 'learner.localhost 86400 NS zone.atelier.internal.']);
  });

  test('case does not matter, nor does the last dot', () => {
    expect(said([record('web.learner.localhost', 'A', '1.2.3.4')], 'WEB.Learner.LocalHost.')).toEqual([
      'NOERROR',
      'web.learner.localhost 300 A 1.2.3.4',
    ]);
  });

  test('several targets, IPv6, TTLs', () => {
    const records = [
      record('web.learner.localhost', 'A', '1.2.3.4', '1.2.3.5'),
      { ...record('web.learner.localhost', 'AAAA', '::1'), ttl: 60 },
    ];
    expect(said(records, 'web.learner.localhost')).toHaveLength(3);
    expect(said(records, 'web.learner.localhost', 'AAAA')).toEqual(['NOERROR', 'web.learner.localhost 60 AAAA ::1']);
    expect(said(records, 'web.learner.localhost', 'ANY')).toHaveLength(4);
  });

  test('aliases: followed inside, left alone outside, NXDOMAIN at a dead end, refused in a circle', () => {
    const records = [
      record('a.learner.localhost', 'CNAME', 'b.learner.localhost'),
      record('b.learner.localhost', 'CNAME', 'gone.learner.localhost'),
      record('out.learner.localhost', 'CNAME', 'example.org'),
      record('one.learner.localhost', 'CNAME', 'two.learner.localhost'),
      record('two.learner.localhost', 'CNAME', 'one.learner.localhost'),
    ];
    expect(said(records, 'a.learner.localhost').map((line) => line.split(' ')[0])).toEqual([
      'NXDOMAIN',
      'a.learner.localhost',
      'b.learner.localhost',
    ]);
    expect(said(records, 'a.learner.localhost', 'CNAME')).toHaveLength(2);
    expect(said(records, 'out.learner.localhost')).toEqual(['NOERROR', 'out.learner.localhost 300 CNAME example.org.']);
    expect(said(records, 'one.learner.localhost').map((line) => line.split(' ')[0])).toEqual([
      'SERVFAIL',
      'one.learner.localhost',
      'two.learner.localhost',
    ]);
  });

  test('names that were given away are referred', () => {
    const reply = ask([wildcard, record('team.learner.localhost', 'NS', 'ns.example.org')], 'x.team.learner.localhost');
    expect(reply).toMatchObject({ status: 'NOERROR', authoritative: false, answers: [] });
    expect(reply.authority).toEqual([
      { name: 'team.learner.localhost', type: 'NS', ttl: 300, data: 'ns.example.org.' },
    ]);
  });

  test('other zones are refused', () => {
    expect(ask([wildcard], 'example.org')).toMatchObject({ status: 'REFUSED', authoritative: false });
    expect(ask([wildcard], 'xlearner.localhost').status).toBe('REFUSED');
  });
});

describe('records', () => {
  test.each([
    ['A', 'not-an-address', 'no IPv4 address'],
    ['AAAA', '1.2.3.4', 'no IPv6 address'],
    ['CNAME', 'a b', 'no host name'],
    ['MX', 'mail.example.org', 'PREFERENCE'],
    ['SRV', '1 2 host', 'PRIORITY'],
  ] as const)('%s to %s is refused', (type, target, why) => {
    expect(() => checkedRecord(record('web.learner.localhost', type, target), domain)).toThrow(why);
  });

  test('names outside, of no shape, or the apex as an alias are refused', () => {
    expect(() => checkedRecord(record('web.example.org', 'A', '1.2.3.4'), domain)).toThrow('not in the zone');
    expect(() => checkedRecord(record(`${'x'.repeat(64)}.${domain}`, 'A', '1.2.3.4'), domain)).toThrow('no DNS name');
    expect(() => checkedRecord(record(domain, 'CNAME', 'a.example.org'), domain)).toThrow('cannot be an alias');
  });

  test('texts: quoted or not, several strings, long ones in pieces of 255 bytes', () => {
    expect(textStrings('"heritage=external-dns,external-dns/owner=me"')).toEqual([
      'heritage=external-dns,external-dns/owner=me',
    ]);
    expect(textStrings('plain text')).toEqual(['plain text']);
    expect(textStrings('"one" "t\\"wo"')).toEqual(['one', 't"wo']);
    expect(textStrings('x'.repeat(300)).map((part) => part.length)).toEqual([255, 45]);
    expect(said([record('t.learner.localhost', 'TXT', '"a" "b\\\\"')], 't.learner.localhost', 'TXT')[1]).toBe(
      't.learner.localhost 300 TXT "a" "b\\\\"',
    );
  });
});
