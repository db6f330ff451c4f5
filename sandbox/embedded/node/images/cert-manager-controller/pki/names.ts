import { isIPv6, SocketAddress } from 'node:net';

/** An address as Go prints it: IPv6 in its shortest form. */
export function canonicalAddress(text: string): string {
  return isIPv6(text) ? new SocketAddress({ address: text, family: 'ipv6' }).address : text;
}

/** Whether both hold the same values, in whatever order. */
export function sameSet(one: readonly string[] = [], other: readonly string[] = []): boolean {
  if (one.length !== other.length) return false;
  const sorted = [...other].sort();
  return [...one].sort().every((value, at) => value === sorted[at]);
}
