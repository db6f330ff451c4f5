export interface Rule {
  name: string;
  apply(text: string): string;
}

const replace = (name: string, pattern: RegExp, by: string): Rule => ({
  name,
  apply: (text) => text.replace(pattern, by),
});

/** The letters and digits that generated names are made of. */
const SAFE = '[bcdfghjklmnpqrstvwxz2456789]';
const DURATION = String.raw`(?:\d+(?:y|d|h|m|s|ms))+`;

/** Headings of columns that hold how long ago something was, or how long it took. */
const AGES = /(?<=^|\s{2})(?:AGE|Age|LAST SCHEDULE|DURATION|LAST SEEN|FIRST SEEN)(?:\s+|$)/g;
const AGE = new RegExp(`^${DURATION}(?: ago)?(?: \\(x\\d+ over ${DURATION}\\))?\\s*$`);

/** Ages stand in columns under a heading, or before "ago"; other durations are what somebody set. */
function withoutAges(text: string): string {
  let columns: { start: number; end: number }[] = [];
  const lines = text.split('\n').map((line) => {
    if (line.trim() === '') columns = [];
    const headings = [...line.matchAll(AGES)];
    if (headings.length > 0) {
      columns = headings.map(({ index, 0: { length } }) => ({
        start: index,
        end: index + length >= line.length ? Number.POSITIVE_INFINITY : index + length,
      }));
      return line;
    }
    return columns.reduceRight((rest, { start, end }) => {
      if (!AGE.test(rest.slice(start, end))) return rest;
      return `${rest.slice(0, start)}<age>${rest.length > end ? `  ${rest.slice(end)}` : ''}`;
    }, line);
  });
  return lines.join('\n').replace(AGO, '<age> ago').replace(TOOK, '$1<age>');
}
const AGO = new RegExp(`\\b${DURATION} ago\\b`, 'g');
const TOOK = new RegExp(`^(Duration: +)${DURATION}$`, 'gm');

/** A ReplicaSet's hash, a pod's suffix, the minute in a CronJob's Job. */
const GENERATED = new RegExp(
  `-(?:${SAFE}{8,10}(?:-${SAFE}{5})?|\\d{8}(?:-${SAFE}{5})?|${SAFE}{5})(?![\\w-])|(?<=\\w)\\.[0-9a-f]{16}\\b|(?<=template-hash["=: ]+)${SAFE}{8,10}`,
  'g',
);

/** The events at the end of a description. */
const EVENTS = /(?<=^ {2}Type +Reason +Age +From +Message\n.*\n)(?: {2}\S.*\n?)+/gm;

/** Events of one second come in any order, and one that lasts is said again when something happens to pass by. */
function sortedEvents(events: string): string {
  const lines = events
    .split('\n')
    .filter(Boolean)
    .map((line) => line.replace(/(?<=\S) {2,}(?=\S)/g, '  '));
  return `${[...new Set(lines)].sort().join('\n')}\n`;
}

/** What is wrong with a container's resources: Go walks its maps in another order each time. */
const RESOURCE_FAULTS = /(?:^\* (\S+\.resources)\.(?:limits|requests)\b.*\n)(?:\* \1\.(?:limits|requests)\b.*\n)+/gm;

const sortedLines = (lines: string): string => `${lines.trimEnd().split('\n').sort().join('\n')}\n`;

/** At most twelve; each has a test that a difference next to it is still seen. */
export const RULES: Rule[] = [
  replace('uid', /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '<uid>'),
  replace(
    'time',
    /(?<=^[IWEF])\d{4} \d\d:\d\d:\d\d\.\d{6} +\d+(?= )|\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| ?[+-]\d\d:?\d\d)?(?: [A-Z]{3,4})?|\b[A-Z][a-z]{2},? (?:\d\d|[A-Z][a-z]{2}) +(?:\d{1,2}|[A-Z][a-z]{2}) (?:\d{4} )?\d\d:\d\d:\d\d(?: \d{4}| [+-]\d{4})?/gm,
    '<time>',
  ),
  { name: 'age', apply: withoutAges },
  replace('version', /\bv1\.35\.\d+\b/g, 'v1.35.x'),
  replace('digest', /\b[0-9a-f]{64}\b/g, '<digest>'),
  replace(
    'resource version',
    /(?<=(?:resource version|current): )\d+(?: \(\d+\))?|(?<=ResourceVersion in record \()\d+|((?:resourceVersion|Resource Version)\\?"?:\s*)\\?"?\d+\\?"?/g,
    '$1<version>',
  ),
  {
    name: 'generated name',
    apply: (text) =>
      text.replace(GENERATED, (found) => found.replace(/[^-]+/g, (part) => `<${part.length > 5 ? 'hash' : 'suffix'}>`)),
  },
  replace('address', /\b10(?:\.\d{1,3}){3}\b/g, '<address>'),
  replace('local port', /(127\.0\.0\.1|\[::1\]):\d{4,5}\b/g, '$1:<port>'),
  replace('node port', /(?<=nodePort"?: )3\d{4}\b|\b3[0-2]\d{3}(?=\/(?:TCP|UDP)|$)/gm, '<node-port>'),
  {
    name: 'order by chance',
    apply: (text) => text.replace(EVENTS, sortedEvents).replace(RESOURCE_FAULTS, sortedLines),
  },
  { name: 'column width', apply: (text) => text.replace(/(?<=\S) {2,}(?=\S)/g, '  ').replace(/ +(?=\t|$)/gm, '') },
];

/** What two clusters may say differently becomes the same; all else stays. */
export function normalise(text: string): string {
  return RULES.reduce((result, rule) => rule.apply(result), text);
}
