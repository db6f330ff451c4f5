import { isIP, isIPv4 } from 'node:net';
import type { Library } from './signatures.ts';
import { EvaluationError, Opaque } from './values.ts';

/** The 16 or 4 bytes of an address as one number. */
function numberOf(text: string): bigint {
  if (isIPv4(text)) return text.split('.').reduce((total, part) => total * 256n + BigInt(part), 0n);
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const v4 = tail ? numberOf(tail[2] ?? '') : 0n;
  const plain = tail ? `${tail[1]}${(v4 >> 16n).toString(16)}:${(v4 & 0xffffn).toString(16)}` : text;
  const [head = '', rest] = plain.split('::');
  const words = (part: string | undefined): string[] => (part ? part.split(':') : []);
  const missing = rest === undefined ? 0 : 8 - words(head).length - words(rest).length;
  const all = [...words(head), ...Array.from({ length: missing }, () => '0'), ...words(rest)];
  return all.reduce((total, word) => total * 65_536n + BigInt(Number.parseInt(word, 16)), 0n);
}

function textOf(value: bigint, bits: number): string {
  if (bits === 32) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const words = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
  let best = { from: -1, length: 1 };
  for (let from = 0; from < 8; from++) {
    let length = 0;
    while (words[from + length] === '0') length++;
    if (length > best.length) best = { from, length };
  }
  if (best.from < 0) return words.join(':');
  return `${words.slice(0, best.from).join(':')}::${words.slice(best.from + best.length).join(':')}`;
}

class Ip extends Opaque {
  readonly typeName = 'net.IP';
  readonly value: bigint;
  readonly bits: number;
  constructor(value: bigint, bits: number) {
    super();
    this.value = value;
    this.bits = bits;
  }
  same(other: Ip): boolean {
    return other.value === this.value && other.bits === this.bits;
  }
  override toString(): string {
    return textOf(this.value, this.bits);
  }
}

class Cidr extends Opaque {
  readonly typeName = 'net.CIDR';
  readonly ip: Ip;
  readonly prefix: number;
  constructor(ip: Ip, prefix: number) {
    super();
    this.ip = ip;
    this.prefix = prefix;
  }
  get masked(): bigint {
    const rest = BigInt(this.ip.bits - this.prefix);
    return (this.ip.value >> rest) << rest;
  }
  same(other: Cidr): boolean {
    return other.prefix === this.prefix && other.ip.same(this.ip);
  }
  contains(other: Ip): boolean {
    const rest = BigInt(this.ip.bits - this.prefix);
    return other.bits === this.ip.bits && other.value >> rest === this.ip.value >> rest;
  }
  override toString(): string {
    return `${this.ip}/${this.prefix}`;
  }
}

function readIp(text: unknown): Ip {
  const value = text as string;
  if (value.includes('%'))
    throw new EvaluationError(`IP Address ${JSON.stringify(value)} with zone value is not allowed`);
  if (!isIP(value))
    throw new EvaluationError(
      `IP Address ${JSON.stringify(value)} parse error during conversion from string: ParseAddr(${JSON.stringify(value)}): unable to parse IP`,
    );
  if (/^::ffff:\d/i.test(value))
    throw new EvaluationError(`IPv4-mapped IPv6 address ${JSON.stringify(value)} is not allowed`);
  return new Ip(numberOf(value), isIPv4(value) ? 32 : 128);
}

function readCidr(text: unknown): Cidr {
  const [, address = '', prefix = ''] = /^(.+)\/(0|[1-9]\d{0,2})$/.exec(text as string) ?? [];
  const bits = isIPv4(address) ? 32 : 128;
  if (!isIP(address) || Number(prefix) > bits)
    throw new EvaluationError(
      `network address parse error during conversion from string: netip.ParsePrefix(${JSON.stringify(text)}): no '/'`.replace(
        "no '/'",
        (text as string).includes('/') ? 'unable to parse IP' : "no '/'",
      ),
    );
  return new Cidr(readIp(address), Number(prefix));
}

const holds = (run: () => unknown): boolean => {
  try {
    run();
    return true;
  } catch {
    return false;
  }
};

const within = (address: unknown, ...ranges: string[]): boolean =>
  ranges.some((range) => readCidr(range).contains(address as Ip));

const unspecified = (value: unknown): boolean => (value as Ip).value === 0n;
const loopback = (value: unknown): boolean => within(value, '127.0.0.0/8', '::1/128');
const linkLocal = (value: unknown): boolean => within(value, '169.254.0.0/16', 'fe80::/10');

/** https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-ip-address-library and #kubernetes-cidr-library */
export const addresses: Library = {
  'ip(string) IP': ([text]) => readIp(text),
  'isIP(string) bool': ([text]) => holds(() => readIp(text)),
  'ip:isCanonical(string) bool': ([text]) => String(readIp(text)) === text,
  'IP.family() int': ([ip]) => ((ip as Ip).bits === 32 ? 4n : 6n),
  'IP.isUnspecified() bool': ([ip]) => unspecified(ip),
  'IP.isLoopback() bool': ([ip]) => loopback(ip),
  'IP.isLinkLocalMulticast() bool': ([ip]) => within(ip, '224.0.0.0/24', 'ff02::/16'),
  'IP.isLinkLocalUnicast() bool': ([ip]) => linkLocal(ip),
  'IP.isGlobalUnicast() bool': ([ip]) =>
    !unspecified(ip) && !loopback(ip) && !linkLocal(ip) && !within(ip, '224.0.0.0/4', 'ff00::/8', '255.255.255.255/32'),
  'string(IP) string': ([ip]) => String(ip),
  'cidr(string) CIDR': ([text]) => readCidr(text),
  'isCIDR(string) bool': ([text]) => holds(() => readCidr(text)),
  'CIDR.containsIP(IP) bool': ([cidr, ip]) => (cidr as Cidr).contains(ip as Ip),
  'CIDR.containsIP(string) bool': ([cidr, text]) => (cidr as Cidr).contains(readIp(text)),
  'CIDR.containsCIDR(CIDR) bool': ([cidr, other]) => inside(cidr as Cidr, other as Cidr),
  'CIDR.containsCIDR(string) bool': ([cidr, text]) => inside(cidr as Cidr, readCidr(text)),
  'CIDR.ip() IP': ([cidr]) => (cidr as Cidr).ip,
  'CIDR.masked() CIDR': ([cidr]) => {
    const { masked, ip, prefix } = cidr as Cidr;
    return new Cidr(new Ip(masked, ip.bits), prefix);
  },
  'CIDR.prefixLength() int': ([cidr]) => BigInt((cidr as Cidr).prefix),
  'string(CIDR) string': ([cidr]) => String(cidr),
};

const inside = (outer: Cidr, inner: Cidr): boolean => outer.prefix <= inner.prefix && outer.contains(inner.ip);
