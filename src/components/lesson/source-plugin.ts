import type { Plugin } from 'vite';
import { isVariable } from '../../lessons/variables.ts';
import { prepareLesson } from './source.ts';

/** Makes lessons' prose fit for MDX before MDX reads it. */
export function lessonSources(): Plugin {
  return {
    name: 'atelier:lesson-sources',
    enforce: 'pre',
    // MDX reads in a `pre` plugin too: this order puts ours before it wherever either is listed.
    transform: {
      order: 'pre',
      filter: { id: /\/lessons\/.*\.mdx$/ },
      handler: (code) => ({ code: prepareLesson(code, isVariable), map: null }),
    },
  };
}
