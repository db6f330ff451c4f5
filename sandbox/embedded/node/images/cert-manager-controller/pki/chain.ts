import type { Certificate } from './certificate.ts';
import { InvalidData } from './keys.ts';

/** A chain as it goes into a Secret. */
interface Bundle {
  /** Leaf first, without the root. */
  chain: string;
  ca: string | undefined;
}

/** Whether one is signed by the other, and the other may. */
function signedBy(one: Certificate, other: Certificate): boolean {
  return other.fast.ca && one.fast.checkIssued(other.fast) && one.fast.verify(other.fast.publicKey);
}

const signsItself = (one: Certificate): boolean => signedBy(one, one);

/** Orders certificates of one chain. Throws {@link InvalidData} when they are not one. */
export function bundleOf(certificates: Certificate[]): Bundle {
  const distinct = [...new Map(certificates.map((one) => [one.fast.fingerprint256, one])).values()];
  let chains = distinct.map((one) => [one]);
  while (chains.length > 1) {
    const last = chains.pop() as Certificate[];
    const partner = chains.find((chain) => joins(chain, last) || joins(last, chain));
    if (!partner) throw new InvalidData('certificate chain is malformed or broken');
    const merged = joins(partner, last) ? [...partner, ...last] : [...last, ...partner];
    chains = chains.map((chain) => (chain === partner ? merged : chain));
  }
  const chain = chains[0] as Certificate[];
  const root = chain.at(-1) as Certificate;
  if (chain.length === 1) return { chain: root.pem, ca: signsItself(root) ? root.pem : undefined };
  const kept = signsItself(root) ? chain.slice(0, -1) : chain;
  return { chain: kept.map(({ pem }) => pem).join(''), ca: root.pem };
}

/** Whether the second chain goes on where the first ends. */
function joins(first: Certificate[], second: Certificate[]): boolean {
  const [end, start] = [first.at(-1), second[0]];
  return end !== undefined && start !== undefined && end !== start && signedBy(end, start);
}
