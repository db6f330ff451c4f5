import type { Flags } from './flags.ts';

export type DomainFilter = (name: string) => boolean;

const plain = (name: string): string => name.trim().replace(/\.$/, '').toLowerCase();

function isOf(filters: string[], name: string): boolean {
  const domain = plain(name);
  return filters
    .map(plain)
    .filter(Boolean)
    .some((filter) =>
      filter.startsWith('.') ? domain.endsWith(filter) : domain === filter || domain.endsWith(`.${filter}`),
    );
}

export interface DomainRules {
  include?: string[];
  exclude?: string[];
  regexInclude?: string;
  regexExclude?: string;
}

/** https://kubernetes-sigs.github.io/external-dns/v0.20.0/docs/advanced/domain-filter/ */
export function domainFilter({
  include = [],
  exclude = [],
  regexInclude = '',
  regexExclude = '',
}: DomainRules): DomainFilter {
  if (regexInclude || regexExclude) {
    const [wanted, unwanted] = [new RegExp(regexInclude), regexExclude ? new RegExp(regexExclude) : undefined];
    return (name) => !unwanted?.test(plain(name)) && wanted.test(plain(name));
  }
  const wanted = include.filter((filter) => plain(filter) !== '');
  return (name) => (wanted.length === 0 || isOf(wanted, name)) && !isOf(exclude, name);
}

export function domainRules(flags: Flags): DomainRules {
  const regexInclude = flags.text('regex-domain-filter');
  if (regexInclude) return { regexInclude, regexExclude: flags.text('regex-domain-exclusion') };
  return { include: flags.list('domain-filter'), exclude: flags.list('exclude-domains') };
}
