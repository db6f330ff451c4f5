import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { bundledLanguages, codeToHtml, createCssVariablesTheme } from 'shiki';
import type { Plugin } from 'vite';
import { isVariable } from '../../lessons/variables.ts';
import { hideVariables } from './tokens.ts';

const theme = createCssVariablesTheme({ name: 'css-variables', variablePrefix: '--astro-code-' });
const LANGUAGES: Record<string, string> = { '.yml': 'yaml', '.sh': 'bash', '.tpl': 'yaml', '.py': 'python' };

/** `import html from '….yaml?highlighted'`: a file as highlighted HTML, made at build so that no page waits for it. */
export function highlightedManifests(): Plugin {
  return {
    name: 'atelier:highlighted-manifests',
    enforce: 'pre',
    async load(id) {
      const [path, query] = id.split('?');
      if (query !== 'highlighted' || !path) return null;
      this.addWatchFile(path);
      const extension = extname(path);
      const language = LANGUAGES[extension] ?? extension.slice(1);
      const text = hideVariables(await readFile(path, 'utf8'), isVariable).trimEnd();
      const html = await codeToHtml(text, { lang: language in bundledLanguages ? language : 'text', theme });
      return `export default ${JSON.stringify(html)}`;
    },
  };
}
