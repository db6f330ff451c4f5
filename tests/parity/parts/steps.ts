import type { ZoneRecord } from '../../../sandbox/embedded/node/network/zone/records.ts';

/** One step of a recording: what is done (`>>> command`, then what it is given), and what was said (each line after `| `). */
export interface Step {
  command: string;
  input: string;
  output: string;
}

export function parseSteps(text: string): Step[] {
  return text
    .split(/^>>> /m)
    .slice(1)
    .map((part) => {
      const [command = '', ...lines] = part.trimEnd().split('\n');
      const said = (line: string) => line.startsWith('| ') || line === '|';
      const joined = (chosen: string[]) => chosen.map((line) => `${line}\n`).join('');
      return {
        command,
        input: joined(lines.filter((line) => !said(line))),
        output: joined(lines.filter(said).map((line) => line.slice(2))),
      };
    });
}

/** What external-dns logged, without what is of the moment: times, its configuration, its build, addresses. */
export function shownLog(text: string, code: number): string {
  const lines = text
    .split('\n')
    .filter((line) => line && !/msg="(?:config: |GitCommitShort|registered '\d)|apiServerURL|kubeConfig: /.test(line))
    .map((line) => line.replace(/^time="[^"]*" /, ''))
    .map((line) =>
      line.replace(/https?:\/\/[\d.]+:\d+/g, 'http://HOST').replace(/\b[\d.]+:(\d+): connect/, 'HOST: connect'),
    )
    .map((line) => line.replace(/msg="(?:Using kubeConfig|Using inCluster-config.*)"/, 'msg="Using …"'))
    // Lists whose order is of the moment.
    .map((line) =>
      line.replace(
        /(flag\(s\)|types are:) (.*?)(?= not provided|\]?"$)/,
        (_, head, list) => `${head} ${ordered(list)}`,
      ),
    )
    .map((line) => line.replace('system:serviceaccount:parts-zone:', 'ServiceAccount '));
  return `${lines.join('\n')}\nexit ${code}\n`;
}

const ordered = (list: string): string => list.replace(/^\[/, '').split(/,? /).sort().join(' ');

export const shownZone = (records: ZoneRecord[]): string =>
  records
    .map(({ name, type, ttl = 0, targets, setIdentifier = '', providerSpecific = [] }) =>
      [
        name,
        ttl,
        type,
        targets.join(' ; '),
        setIdentifier,
        ...providerSpecific.map((one) => `${one.name}=${one.value}`),
      ]
        .join(' ')
        .trim(),
    )
    .map((line) => `zone: ${line}\n`)
    .join('');

/** What dig, nslookup and host print, without what is of the moment: the server's place, numbers of questions, times. */
export const shownTool = (text: string): string =>
  text
    .replace(/DiG [\w.~-]+/g, 'DiG 9.18')
    .replace(/ -p \d+ @127\.0\.0\.1| @zone\.atelier\.internal/g, '')
    .replace(/(?:127\.0\.0\.1|10\.99\.2\.1)#\d+\([\w.]+\)/g, 'SERVER#PORT(SERVER)')
    .replace(/(?:127\.0\.0\.1|10\.99\.2\.1)#\d+/g, 'SERVER#PORT')
    .replace(
      /^(Server:\t\t|Name: |;; Got SERVFAIL reply from )(?:127\.0\.0\.1|10\.99\.2\.1|zone\.atelier\.internal)$/gm,
      '$1SERVER',
    )
    .replace(/, id: \d+/g, ', id: ID')
    .replace(/rcvd: \d+/g, 'rcvd: SIZE')
    .replace(/Query time: \d+ msec/g, 'Query time: 0 msec')
    .replace(/WHEN: \w{3} \w{3} \d\d \d\d:\d\d:\d\d UTC \d{4}$/gm, 'WHEN: NOW')
    .replace(/(hostmaster\.learner\.localhost\. )\d+/g, '$1SERIAL')
    .replace(/serial = \d+/g, 'serial = SERIAL');

/** Lines of a zone file as the sets that the zone takes. */
export function recordSets(text: string): ZoneRecord[] {
  const sets = new Map<string, ZoneRecord>();
  for (const line of text.trim().split('\n')) {
    const [name = '', ttl, type, ...data] = line.split(' ');
    const set = sets.get(`${name} ${type}`) ?? {
      name,
      type: type as ZoneRecord['type'],
      ttl: Number(ttl),
      targets: [],
    };
    set.targets.push(data.join(' ').replace(/\.$/, ''));
    sets.set(`${name} ${type}`, set);
  }
  return [...sets.values()];
}
