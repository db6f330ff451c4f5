import mdx from '@astrojs/mdx';
import node from '@astrojs/node';
import svelte from '@astrojs/svelte';
import { defineConfig } from 'astro/config';
import { highlightedManifests } from './src/components/lesson/highlight.ts';
import { lessonSources } from './src/components/lesson/source-plugin.ts';
import { checkedLessons } from './src/lessons/integration.ts';

export default defineConfig({
  output: 'server',
  adapter: node({ mode: 'middleware' }),
  integrations: [mdx(), svelte(), checkedLessons()],
  trailingSlash: 'always',
  i18n: { locales: ['en', 'fr'], defaultLocale: 'en', routing: 'manual' },
  // Origin and Host are checked by the server in front, for pages, posts and upgrades alike.
  security: { checkOrigin: false },
  markdown: { shikiConfig: { theme: 'css-variables' } },
  devToolbar: { enabled: false },
  prefetch: false,
  // No inline script or style anywhere: the content security policy allows none.
  build: { inlineStylesheets: 'never', format: 'directory' },
  vite: {
    build: { assetsInlineLimit: 0 },
    plugins: [lessonSources(), highlightedManifests()],
  },
});
