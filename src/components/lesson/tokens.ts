/**
 * Variables (`${namespace}`) and facts (`{image}`) travel through MDX as characters of Unicode's private use area:
 * no parser, highlighter or escaper touches them, and the page fills them in per learner.
 */
const BASE = 0xe000;
const VARIABLE_OPEN = '\ue080';
const VARIABLE_CLOSE = '\ue081';
const FACT_OPEN = '\ue082';
const FACT_CLOSE = '\ue083';

const VARIABLE = /\$\{([a-zA-Z_][a-zA-Z0-9_]*)\}/g;
const FACT = /\{([a-zA-Z][a-zA-Z0-9]*)\}/g;
const TOKEN = /\ue080([\ue000-\ue07f]+)\ue081|\ue082([\ue000-\ue07f]+)\ue083/g;

const hide = (name: string) => [...name].map((char) => String.fromCharCode(BASE + char.charCodeAt(0))).join('');
const show = (name: string) => [...name].map((char) => String.fromCharCode(char.charCodeAt(0) - BASE)).join('');

/** `known` says which `${words}` are variables; others, such as a shell's `${HOME}`, are left alone. */
export function hideVariables(text: string, known: (name: string) => boolean): string {
  return text.replace(VARIABLE, (whole, name: string) =>
    known(name) ? VARIABLE_OPEN + hide(name) + VARIABLE_CLOSE : whole,
  );
}

export function hideFacts(text: string): string {
  return text.replace(FACT, (_, name: string) => FACT_OPEN + hide(name) + FACT_CLOSE);
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

export interface Values {
  variables: Readonly<Record<string, string>>;
  /** Absent: facts are left for an outer call. */
  facts?: Readonly<Record<string, string>>;
}

/** Tags whole, quoted attributes included, so that a value in an attribute is not wrapped in an element. */
const TAG_OR_TEXT = /<[a-zA-Z!/](?:"[^"]*"|'[^']*'|[^'">])*>|[^<]+|</g;

/**
 * Fills the tokens of rendered HTML, escaped. In text a variable becomes `<var>` and a fact `<span data-fact>`;
 * in attributes both become plain text. A variable without a value shows as its name in `<angle brackets>`.
 */
export function fillHtml(html: string, { variables, facts }: Values): string {
  return html.replace(TAG_OR_TEXT, (piece) => {
    const tag = piece.length > 1 && piece.startsWith('<');
    return piece.replace(TOKEN, (whole, variable?: string, fact?: string) => {
      if (variable !== undefined) {
        const name = show(variable);
        const value = escapeHtml(variables[name] ?? `<${name}>`);
        return tag ? value : `<var data-var="${name}">${value}</var>`;
      }
      if (facts === undefined || fact === undefined) return whole;
      const name = show(fact);
      const value = escapeHtml(facts[name] ?? '…');
      return tag ? value : `<span data-fact="${name}">${value}</span>`;
    });
  });
}

/** The same for plain text, such as a title: nothing is escaped or wrapped. */
export function fillPlain(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replace(VARIABLE, (whole, name: string) => variables[name] ?? whole);
}
