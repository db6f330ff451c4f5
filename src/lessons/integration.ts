import { relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AstroIntegration } from 'astro';
import type { Plugin } from 'vite';
import { formatProblem, formatProblems, type LessonProblem } from './problem.ts';
import { validateLessons } from './validate.ts';

/**
 * For `integrations` in astro.config.mjs: a wrong lesson fails the build with every problem at once, and shows the
 * first ones over the page while one develops.
 */
export function checkedLessons(): AstroIntegration {
  return {
    name: 'atelier:checked-lessons',
    hooks: {
      // Before the content is read: Astro's own words for a wrong file come later, and one at a time.
      'astro:config:setup'({ command, config, logger, updateConfig }) {
        const root = fileURLToPath(config.root);
        if (command === 'dev') updateConfig({ vite: { plugins: [lessonOverlay(root)] } });
        if (command !== 'build') return;
        const problems = validateLessons(root);
        if (problems.length === 0) return;
        logger.error(`\n\n${formatProblems(problems, root)}\n`);
        throw new Error(summary(problems));
      },
    },
  };
}

/** What `npm run lessons -- check` and the build end with. */
function summary(problems: readonly LessonProblem[]): string {
  const files = new Set(problems.map((problem) => problem.file)).size;
  return `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'} in ${files} ${files === 1 ? 'file' : 'files'} of the lessons`;
}

function lessonOverlay(root: string): Plugin {
  return {
    name: 'atelier:lesson-overlay',
    configureServer(server) {
      const inspect = () => {
        const problems = validateLessons(root);
        const [first] = problems;
        if (!first) return;
        server.config.logger.error(formatProblems(problems, root), { timestamp: true });
        server.hot.send({
          type: 'error',
          err: {
            message: `${summary(problems)}\n\n${problems
              .slice(0, 5)
              .map((problem) => formatProblem(problem, root))
              .join('\n\n')}`,
            stack: '',
            id: first.file,
            loc: { file: first.file, line: first.line, column: first.column },
          },
        });
      };
      server.watcher.on('all', (_, path) => {
        if (/^(lessons|manifests)$/.test(relative(root, path).split(sep)[0] ?? '')) inspect();
      });
      server.httpServer?.once('listening', inspect);
    },
  };
}
