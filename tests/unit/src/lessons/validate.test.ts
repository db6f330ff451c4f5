// biome-ignore-all lint/suspicious/noTemplateCurlyInString: lessons name their variables so
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formatProblems } from '../../../../src/lessons/problem.ts';
import { validateLessons } from '../../../../src/lessons/validate.ts';

let root: string;

const GOOD: Record<string, string> = {
  'lessons/lab/track.yaml': 'title: { en: Lab, fr: Labo }\nlede: { en: A lab., fr: Un labo. }\n',
  'lessons/lab/01-web/lesson.yaml': `minutes: 10
needs: namespace
files:
  - from: web
    to: lab/web
steps:
  - id: make
    checks:
      - id: there
        watch: { resource: deployments, name: web }
        expect: >-
          item.spec.replicas == 1
          && item.status.readyReplicas == 1
        hints:
          - id: cannot-pull
            watch: { resource: pods, selector: app=web }
            where: it.status.containerStatuses.exists(c, c.state.waiting.reason == 'ErrImagePull')
            facts: { pod: it.metadata.name }
          - id: taken
            says: { match: 'port (?P<port>\\d+) is taken' }
  - id: ask
    checks:
      - id: kind
        answer: { choice: { is: rs } }
`,
  'lessons/lab/01-web/en.mdx': `---
title: Web
lede: A server.
---
<Theory>
<Drawing src="theory" alt="A pod" />
</Theory>
<Step id="make" title="Make">
<File path="lab/web/web.yaml" />
<Run>kubectl apply -f ~/lab/web -n \${namespace} -o jsonpath='{.items[*]}' < /dev/null</Run>
<Check id="there">It is there</Check>
<Hint check="there" id="cannot-pull">\`{pod}\` cannot pull: <Run>kubectl describe pod {pod}</Run></Hint>
<Hint check="there" id="taken">Port {port} is taken.</Hint>
</Step>
<Step id="ask" title="Ask">
<Check id="kind">You know</Check>
<Choices check="kind">
<Choice value="rs">A ReplicaSet</Choice>
<Choice value="ds">A DaemonSet</Choice>
</Choices>
</Step>
`,
  'lessons/lab/01-web/theory.svg': '<svg/>',
  'lessons/lab/01-web/solve.sh': 'kubectl apply -f ~/lab/web\n',
  'lessons/lab/01-web/mistakes/cannot-pull.sh': '# make/there/cannot-pull pod=web\nkubectl run x\n',
  'manifests/web/web.yaml': 'kind: Deployment\nmetadata: { namespace: "${namespace}" }\n',
};
GOOD['lessons/lab/01-web/fr.mdx'] = (GOOD['lessons/lab/01-web/en.mdx'] ?? '')
  .replace('A server.', 'Un serveur.')
  .replace('It is there', 'Il est là')
  .replace('is taken.', 'est pris.');

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lessons-'));
  for (const [file, text] of Object.entries(GOOD)) write(file, text);
});

afterEach(() => rmSync(root, { recursive: true }));

function write(file: string, text: string): void {
  const path = join(root, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** Replaces a text of a file, and returns what is then said of the lessons. */
function spoil(file: string, from: string, to: string): string {
  const path = `lessons/lab/01-web/${file}`;
  const text = GOOD[path] ?? '';
  expect(text).toContain(from);
  write(path, text.replace(from, to));
  return `\n${formatProblems(validateLessons(root), root)}\n`;
}

test('a right lesson has no problem', () => {
  expect(formatProblems(validateLessons(root), root)).toBe('');
});

describe('lesson.yaml', () => {
  test('a field that does not exist, in the second line of a folded expression', () => {
    expect(spoil('lesson.yaml', 'item.status.readyReplicas', 'item.status.redyReplicas')).toBe(`
lessons/lab/01-web/lesson.yaml:13:26  DeploymentStatus has no field \`redyReplicas\`
              && item.status.redyReplicas == 1
                             ^^^^^^^^^^^^
    → did you mean \`readyReplicas\`?
`);
  });

  test('an expression that does not parse', () => {
    expect(spoil('lesson.yaml', "== 'ErrImagePull')", "== 'ErrImagePull'")).toBe(`
lessons/lab/01-web/lesson.yaml:17:98  not CEL: expected \`)\`, got the end
                where: it.status.containerStatuses.exists(c, c.state.waiting.reason == 'ErrImagePull'
                                                                                                     ^
`);
  });

  test('a field of the lesson that is not known', () => {
    expect(spoil('lesson.yaml', 'expect: >-', 'expects: >-')).toBe(`
lessons/lab/01-web/lesson.yaml:11:9  \`expects\` is not a field of \`steps.checks\`
            expects: >-
            ^^^^^^^
    → did you mean \`expect\`?
`);
  });

  test('a wrong value', () => {
    expect(spoil('lesson.yaml', 'minutes: 10', 'minutes: ten')).toBe(`
lessons/lab/01-web/lesson.yaml:1:10  "ten" does not fit \`minutes\`
    minutes: ten
             ^^^
    → write a number
`);
  });

  test.each([
    ['needs: namespace', 'needs: internet', '2:8  "internet" does not fit `needs`', 'write `namespace` or `cluster`'],
    ['needs: namespace\n', '', '1:1  `needs` is missing in this file', 'add `needs: …`, `namespace` or `cluster`'],
    [
      'resource: deployments',
      'resource: deployment',
      '10:28  there is no resource `deployment`',
      'did you mean `deployments`?',
    ],
    [
      'selector: app=web',
      'selector: app in web',
      '16:48  not a label selector',
      'write it as for `kubectl get -l`: `app=jupyter,tier!=test`',
    ],
    ['id: taken', 'id: cannot-pull', '19:17  check `there` has two hints `cannot-pull`', 'give one another id'],
    [
      'from: web',
      'from: webb',
      '4:11  there is no `manifests/webb`',
      'add it, or name what is there: did you mean `web`?',
    ],
    [
      'answer: { choice: { is: rs } }',
      'answer: { }',
      '24:17  nothing says which answer is right',
      'add one of `is`, `choice`, `match`, `from` or `expect`',
    ],
    ['app=web', 'app=${learner}', '16:53  not YAML', 'quote a text that holds a brace'],
    ['app=web', '"app=${namspace}"', '16:53  `${namspace}` is no variable', 'did you mean `${namespace}`?'],
    ['(?P<port>\\d+)', '(?P<port>\\d+', '20:29  not a regular expression (RE2)', undefined],
    [
      '    checks:\n      - id: kind\n        answer: { choice: { is: rs } }',
      '    checks: []',
      '22:13  a step without a check: nothing would show that it is done',
      'add one under `checks`',
    ],
    ['  - id: ask', '  - id: make', '21:9  there are two steps `make`', 'give one another id'],
    [
      'id: there',
      'id: There',
      '9:13  "There" does not fit `steps.checks.id`',
      'an id is made of small letters, digits and dashes, like `rolled-out`',
    ],
    ['minutes: 10', 'minutes: 10\n\tneeds: x', '2:1  not YAML', 'indent with spaces'],
  ])('%j → %j', (from, to, message, remedy) => {
    const said = spoil('lesson.yaml', from, to);
    expect(said).toContain(`lesson.yaml:${message}`);
    if (remedy) expect(said).toContain(`→ ${remedy}`);
  });
});

test('several problems of one file are told in one go', () => {
  const path = 'lessons/lab/01-web/lesson.yaml';
  write(
    path,
    (GOOD[path] ?? '')
      .replace('minutes: 10', 'minutes: ten')
      .replace('readyReplicas', 'redyReplicas')
      .replace('says:', 'sais:'),
  );
  expect(validateLessons(root).map(({ line, column, message }) => `${line}:${column} ${message}`)).toEqual([
    '1:10 "ten" does not fit `minutes`',
    '13:26 DeploymentStatus has no field `redyReplicas`',
    '20:13 `sais` is not a field of `steps.checks.hints`',
  ]);
});

describe('prose', () => {
  test('an unknown id', () => {
    expect(spoil('fr.mdx', 'id="cannot-pull"', 'id="cannot-pul"')).toBe(`
lessons/lab/01-web/fr.mdx:8:1  the hint \`there/cannot-pull\` has no text
    <Step id="make" title="Make">
    ^
    → write <Hint check="there" id="cannot-pull">…</Hint> in the step

lessons/lab/01-web/fr.mdx:12:1  check \`there\` has no hint \`cannot-pul\`
    <Hint check="there" id="cannot-pul">\`{pod}\` cannot pull: <Run>kubectl describe pod {pod}</Run></Hint>
    ^
    → did you mean \`cannot-pull\`?
`);
  });

  test.each([
    [
      '<Check id="there">Il est là</Check>',
      '<Own><Check id="there">Il est là</Check></Own>',
      '11:6  this check stands in <Own>',
      'move it out: both variants have the same checks',
    ],
    ['<Step id="make"', '<Step id="maek"', '8:1  `lesson.yaml` has no step `maek`', 'did you mean `make`?'],
    ['<Check id="there">', '<Check id="ther">', '11:1  step `make` has no check `ther`', 'did you mean `there`?'],
    ['`{pod}`', '`{pods}`', '12:39  hint `cannot-pull` has no fact `pods`', 'did you mean `pod`?'],
    ['{port}', '{prot}', '13:37  hint `taken` has no fact `prot`', 'did you mean `port`?'],
    ['${namespace}', '${namespce}', '10:36  `${namespce}` is no variable', 'did you mean `${namespace}`?'],
    ['src="theory"', 'src="teory"', '6:1  the drawing `teory.fr.svg` is missing', 'put it beside the lesson'],
    [
      'lab/web/web.yaml',
      'lab/web/wub.yaml',
      '9:1  `lab/web/wub.yaml` is no file of this lesson',
      'lay it with `files`',
    ],
    [
      'kubectl apply',
      'kubectl create',
      '10:1  the command `kubectl create -f',
      'commands are the same in every language',
    ],
    ['value="rs"', 'value="sr"', '17:1  none of the choices is the right one, `rs`', 'give one <Choice> that value'],
    ['title: Web\n', '', '1:1  the head has no `title`', 'begin the file with'],
    ['</Theory>', '', 'not MDX: Expected a closing tag for `<Theory>`', undefined],
    ['Il est là', 'Il est {là', 'not MDX:', undefined],
  ])('%j → %j', (from, to, message, remedy) => {
    const said = spoil('fr.mdx', from, to);
    expect(said).toContain('fr.mdx:');
    expect(said).toContain(message);
    if (remedy) expect(said).toContain(`→ ${remedy}`);
  });

  test('a missing translation, a missing script, a mistake that names no hint', () => {
    rmSync(join(root, 'lessons/lab/01-web/fr.mdx'));
    rmSync(join(root, 'lessons/lab/01-web/solve.sh'));
    write('lessons/lab/01-web/mistakes/cannot-pull.sh', '# make/there/cannot-pul pod=web\n');
    expect(
      formatProblems(validateLessons(root), root),
    ).toBe(`lessons/lab/01-web/fr.mdx:1:1  the translation \`fr.mdx\` is missing
    → write it beside \`lesson.yaml\`, with the same ids and commands

lessons/lab/01-web/mistakes/cannot-pull.sh:1:3  there is no hint \`make/there/cannot-pul\`
    # make/there/cannot-pul pod=web
      ^^^^^^^^^^^^^^^^^^^^^
    → did you mean \`make/there/cannot-pull\`?

lessons/lab/01-web/solve.sh:1:1  the lesson has no \`solve.sh\`
    → write the commands that turn every check green`);
  });
});

test('a variable that is none, in a file that is copied', () => {
  write('manifests/web/web.yaml', 'kind: Deployment\nmetadata: { namespace: "${namspace}" }\n');
  expect(formatProblems(validateLessons(root), root)).toBe(`manifests/web/web.yaml:2:25  \`\${namspace}\` is no variable
    metadata: { namespace: "\${namspace}" }
                            ^^^^^^^^^^^
    → did you mean \`\${namespace}\`?`);
});

describe('questions to the world', () => {
  const own = `watch: { resource: deployments, name: web }
        expect: >-
          item.spec.replicas == 1
          && item.status.readyReplicas == 1`;
  const ask = (...lines: string[]) => spoil('lesson.yaml', own, lines.join('\n        '));

  test('a name, an address with headers, and either beside a watch are right', () => {
    const right = [
      ['dns: { name: "web.${domain}" }', "expect: response.code == 'NXDOMAIN' && response.answers.size() == 0"],
      ['dns: { name: "web.${domain}", type: TXT }', "expect: response.answers.exists(a, a.contains('owner'))"],
      [
        'watch: { resource: services, name: web }',
        'dns: { name: "web.${domain}" }',
        'expect: response.answers.exists(a, a == item.status.loadBalancer.ingress[0].ip)',
      ],
      [
        'http: { url: "https://web.${domain}${port}/", headers: { Host: web } }',
        "expect: response.tls.verified && response.tls.notAfter > timestamp('2026-01-01T00:00:00Z') && 'a' in response.tls.names",
      ],
    ];
    for (const lines of right) expect(ask(...lines)).toBe('\n\n');
  });

  test('what has a slip in it is told with the remedy', () => {
    expect(ask('dns: { name: "web.${domain}" }', "expect: response.codes == 'NXDOMAIN'")).toBe(`
lessons/lab/01-web/lesson.yaml:11:26  DnsReply has no field \`codes\`
            expect: response.codes == 'NXDOMAIN'
                             ^^^^^
    → did you mean \`code\`?
`);
    expect(ask('http: { url: "https://web/" }', 'expect: response.tls.verfied')).toContain('did you mean `verified`?');
    expect(ask('dns: { name: web, type: ALIAS }', 'expect: "true"')).toContain('→ write `A` or `AAAA`');
    expect(ask('dns: { name: "https://web.${domain}/" }', 'expect: response.code == "NOERROR"')).toContain(
      '`https://web.${domain}/` is an address\n',
    );
    expect(ask('dns: { name: "web.${domain}." }', 'expect: response.code == "NOERROR"')).toContain(
      'no name of the DNS',
    );
    expect(ask('http: { url: "web.${domain}" }', 'expect: response.status == 200')).toContain(
      'begin it with `http://`',
    );
    expect(ask('dns: { name: web }', 'http: { url: "http://web/" }', 'expect: "true"')).toContain(
      'check `there` is of several kinds: http, dns',
    );
    expect(ask('dns: { name: web }')).toContain('has no `expect`');
  });
});
