// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how lessons name variables
import { describe, expect, test } from 'vitest';
import { prepareLesson } from '../../../../src/components/lesson/source.ts';
import { fillHtml, hideFacts, hideVariables } from '../../../../src/components/lesson/tokens.ts';

const known = (name: string) => name === 'namespace';
const prepare = (source: string) => prepareLesson(source, known);
const variable = hideVariables('${namespace}', known);

describe('a lesson before MDX reads it', () => {
  test('the text of a command becomes an attribute, braces, stars and all', () => {
    const out = prepare(`<Step id="a" title="A">\n<Run>kubectl get pod -o jsonpath='{.items[*]}' > "x"</Run>\n</Step>`);
    expect(out).toContain(String.raw`<Run step="a" command={"kubectl get pod -o jsonpath='{.items[*]}' > \"x\""} />`);
  });

  test('a command of several lines loses its margin, and the lines below stay where they were', () => {
    const source = '<Step id="a" title="A">\n<Run>\n  cat <<END\n    x\n  END\n</Run>\nafter\n</Step>';
    const out = prepare(source);
    expect(out).toContain(String.raw`command={"cat <<END\n  x\nEND"`);
    expect(out.split('\n').indexOf('after')).toBe(source.split('\n').indexOf('after'));
  });

  test('checks, hints, answers and choices learn their step; a choice its question', () => {
    const out = prepare(
      '<Step id="one" title="x">\n<Check id="c">t</Check>\n<Choices check="c">\n<Choice value="v">t</Choice>\n</Choices>\n</Step>\n<Check id="late">t</Check>',
    );
    expect(out).toContain('<Check step="one" id="c">');
    expect(out).toContain('<Choice step="one" check="c" value="v">');
    expect(out).toContain('<Check id="late">');
  });

  test('variables are tokens everywhere; a shell’s own stays', () => {
    const out = prepare('in ${namespace}, `${namespace}` and\n\n```sh\necho ${HOME} ${namespace}\n```\n');
    expect(out.split(variable)).toHaveLength(4);
    expect(out).toContain('${HOME}');
  });

  test('braces are facts in hints alone, in code and commands too', () => {
    const out = prepare('<Hint check="c" id="h">pull `{image}` of {pod}: <Run>kubectl get {pod}</Run></Hint>\n{pod}');
    expect(out).toContain(`pull \`${hideFacts('{image}')}\` of ${hideFacts('{pod}')}: `);
    expect(out).toContain(`inline command={${JSON.stringify(`kubectl get ${hideFacts('{pod}')}`)}}`);
    expect(out.endsWith('\n{pod}')).toBe(true);
  });

  test('what is shown as code is not taken for tags', () => {
    const source = 'write `<Run>x</Run>`:\n\n```mdx\n<Check id="x">y</Check>\n```\n';
    expect(prepare(source)).toBe(source);
  });
});

describe('rendered HTML filled for a learner', () => {
  test('values are escaped; in text they are marked, in attributes they are plain', () => {
    const html = fillHtml(`<p title="a > ${variable}">${variable}</p>`, { variables: { namespace: '<al"ice>' } });
    expect(html).toBe('<p title="a > &lt;al&quot;ice&gt;"><var data-var="namespace">&lt;al&quot;ice&gt;</var></p>');
  });

  test('facts wait for the hint that knows them', () => {
    const token = hideFacts('{pod}');
    expect(fillHtml(token, { variables: {} })).toBe(token);
    expect(fillHtml(token, { variables: {}, facts: { pod: 'web' } })).toBe('<span data-fact="pod">web</span>');
    expect(fillHtml(token, { variables: {}, facts: {} })).toBe('<span data-fact="pod">…</span>');
  });

  test('a variable without a value is seen', () => {
    expect(fillHtml(variable, { variables: {} })).toContain('&lt;namespace&gt;');
  });
});
