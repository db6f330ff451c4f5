import type { BrowserMessages } from '../i18n/messages.ts';
import type { ActivityEvent } from '../layouts/page-context.ts';
import { type LessonAddress, post } from './answers.ts';
import { toast } from './said.ts';

/** Catch up and Reset: asked for here, done by the server, told line by line. */
export function wireActivity(page: HTMLElement, lesson: LessonAddress, words: BrowserMessages) {
  const box = page.querySelector<HTMLElement>('[data-activity]');
  const dialog = page.querySelector<HTMLDialogElement>('[data-reset-dialog]');
  const start = (kind: 'catch-up' | 'reset') => {
    document.querySelector<HTMLElement>('#lesson-menu')?.hidePopover();
    show({ id: '', kind, lesson: lesson.lesson, state: 'running', line: '' });
    post(`/api/${kind}`, lesson).catch(() => show({ id: '', kind, lesson: lesson.lesson, state: 'failed', line: '' }));
  };

  for (const button of page.querySelectorAll('[data-catch-up]')) {
    button.addEventListener('click', () => start('catch-up'));
  }
  page.querySelector('[data-reset-open]')?.addEventListener('click', () => dialog?.showModal());
  dialog?.addEventListener('close', () => dialog.returnValue === 'reset' && start('reset'));

  function show({ kind, state, line }: ActivityEvent): void {
    if (!box) return;
    box.hidden = false;
    box.dataset.activityState = state;
    const title = document.createElement('b');
    title.textContent = words[kind === 'reset' ? 'reset' : 'catchUp'];
    const text = document.createElement(state === 'running' && line ? 'code' : 'span');
    const usual = { running: words.running, done: words.activityDone, failed: words.activityFailed };
    text.textContent = line || usual[state];
    box.replaceChildren(title, text);
    const behind = page.querySelector<HTMLElement>('[data-behind]');
    if (behind) behind.hidden = state !== 'failed';
    if (state === 'done') {
      if (kind === 'catch-up') tieThreadBefore();
      box.hidden = true;
      toast(`${title.textContent}: ${text.textContent}`, { level: 'info' });
    }
  }
  return { show };
}

/** Lessons caught up with are behind: the thread in the header is solid up to this one. */
function tieThreadBefore(): void {
  const lessons = [...document.querySelectorAll('.thread li')];
  const here = lessons.findIndex((lesson) => lesson.querySelector('[aria-current]'));
  for (const lesson of lessons.slice(0, Math.max(0, here))) lesson.classList.add('on');
}
