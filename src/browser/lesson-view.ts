import type { BrowserMessages } from '../i18n/messages.ts';
import { say } from '../i18n/say.ts';
import type { CheckView, HintView, LessonEvent, StepState } from '../layouts/page-context.ts';
import { age } from './age.ts';
import { announce } from './said.ts';

const AGES_MS = 10_000;

/** Brings what the server says to the steps, checks and hints on the page. */
export function lessonView(pane: HTMLElement, words: BrowserMessages) {
  const find = <Kind extends HTMLElement>(selector: string) => pane.querySelector<Kind>(selector);

  function showStep(id: string, state: StepState, live: boolean): void {
    const step = find(`[data-step="${CSS.escape(id)}"]`);
    if (!step || step.dataset.state === state) return;
    step.dataset.state = state;
    const text = step.querySelector('[data-state-text]');
    if (text) text.textContent = words.stepState[state];
    // A step that is finished now stays open: its last words are yet to be read.
    if (state !== 'done') step.querySelector('details')?.setAttribute('open', '');
    if (state === 'done' && live) announce(say(words.stepDone, { title: step.querySelector('h2')?.textContent ?? id }));
  }

  function grow(step: HTMLElement): void {
    const checks = [...step.querySelectorAll<HTMLElement>('[data-check]')];
    const passed = checks.filter((check) => check.dataset.verdict === 'passed').length;
    const share = step.dataset.state === 'done' ? 1 : step.dataset.state === 'todo' ? 0 : passed / checks.length;
    step.style.setProperty('--grown', String(share));
  }

  function showCheck(key: string, view: CheckView, live: boolean): void {
    const [step = '', id = ''] = key.split('/').map((part) => CSS.escape(part));
    const check = find(`[data-check="${id}"][data-check-step="${step}"]`);
    if (!check) return;
    const before = check.dataset.verdict;
    check.dataset.verdict = view.verdict;
    check.toggleAttribute('data-armed', view.armed);
    const title = check.querySelector('.check-text')?.textContent ?? id;
    if (before !== view.verdict && view.verdict === 'passed' && live) announce(say(words.checkPassed, { title }));
    const verdict = check.querySelector('[data-verdict-text]');
    if (verdict) verdict.textContent = words.verdict[view.verdict];
    const when = check.querySelector<HTMLElement>('[data-when]');
    if (when) {
      if (view.at) when.dataset.at = view.at;
      else delete when.dataset.at;
      showWhen(when, check);
    }
    showWhy(check.querySelector('[data-why]'), view);
    const form = find(`[data-answer-check="${id}"][data-answer-step="${step}"]`);
    if (form) form.hidden = view.verdict === 'passed';
    const hints = view.verdict === 'passed' ? [] : view.hints;
    for (const element of pane.querySelectorAll<HTMLElement>(`[data-hint-check="${id}"][data-hint-step="${step}"]`)) {
      showHint(
        element,
        hints.find((hint) => hint.id === element.dataset.hint),
      );
    }
  }

  function showWhen(when: HTMLElement, check: HTMLElement): void {
    const watched = check.dataset.armed !== undefined && check.dataset.kind !== 'answer';
    if (check.dataset.verdict !== 'passed') when.textContent = watched ? words.watching : '';
    else if (when.dataset.at) when.textContent = since(when.dataset.at);
  }

  function since(at: string): string {
    const time = Date.parse(at);
    return Date.now() - time < 5000 ? words.justNow : say(words.ago, { age: age(time, Date.now(), words) });
  }

  function showWhy(element: HTMLElement | null, { verdict, why }: CheckView): void {
    if (!element) return;
    element.hidden = verdict !== 'failing' || !why;
    if (!why) return;
    const field = document.createElement('code');
    field.textContent = why.field;
    const value = document.createElement('b');
    value.textContent = why.value;
    element.replaceChildren(field, ' ', ...(why.value === '' ? [words.absent] : [words.is, ' ', value]));
  }

  function showHint(element: HTMLElement, hint: HintView | undefined): void {
    const appears = hint !== undefined && element.hidden;
    element.hidden = hint === undefined;
    if (!hint) return;
    for (const fact of element.querySelectorAll<HTMLElement>('[data-fact]')) {
      fact.textContent = hint.facts[fact.dataset.fact ?? ''] ?? '…';
    }
    for (const run of element.querySelectorAll<HTMLElement>('[data-run]')) {
      run.dataset.run = run.querySelector('.run-text')?.textContent ?? '';
    }
    const more = element.querySelector<HTMLElement>('[data-more]');
    if (more) {
      more.hidden = hint.more === 0;
      more.textContent = say(words.more, { n: hint.more });
    }
    if (!appears) return;
    const text = element.querySelector('.hint-text')?.cloneNode(true) as HTMLElement | undefined;
    for (const button of text?.querySelectorAll('button') ?? []) button.remove();
    announce(say(words.hintShown, { text: text?.textContent?.trim() ?? '' }));
  }

  /** `live`: something just happened, and is said aloud; otherwise the page catches up with the server. */
  function show({ steps = {}, checks = {}, done }: Partial<LessonEvent>, live: boolean): void {
    for (const [key, view] of Object.entries(checks)) showCheck(key, view, live);
    for (const [id, { state }] of Object.entries(steps)) showStep(id, state, live);
    for (const step of pane.querySelectorAll<HTMLElement>('[data-step]')) grow(step);
    if (done === undefined) return;
    const end = find('[data-lesson-end]');
    if (done && live && end?.dataset.finished === undefined) announce(words.lessonDone);
    end?.toggleAttribute('data-finished', done);
    document.querySelector('.thread [aria-current]')?.parentElement?.classList.toggle('on', done);
  }

  function ages(): void {
    for (const when of pane.querySelectorAll<HTMLElement>('[data-when][data-at]')) {
      const check = when.closest<HTMLElement>('[data-check]');
      if (check) showWhen(when, check);
    }
  }
  ages();
  setInterval(() => document.hidden || ages(), AGES_MS);

  return { show };
}
