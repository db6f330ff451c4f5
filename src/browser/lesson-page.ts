import { say } from '../i18n/say.ts';
import { wireActivity } from './activity.ts';
import { wireAnswers } from './answers.ts';
import { wireCommands } from './commands.ts';
import { lessonView } from './lesson-view.ts';
import { openLive } from './live.ts';
import { mapStore } from './map/store.ts';
import { pageMessages } from './messages.ts';
import { wireProjection } from './projection.ts';
import { hideToast, toast } from './said.ts';
import { wireShortcuts } from './shortcuts.ts';
import { wireSplitters } from './splitter.ts';
import { openTerminals } from './terminal-door.ts';

const page = document.querySelector<HTMLElement>('[data-lesson-page]');
const pane = page?.querySelector<HTMLElement>('[data-lesson-pane]');
const host = page?.querySelector<HTMLElement>('[data-terminals]');
const canvas = page?.querySelector<HTMLElement>('[data-map]');
if (page && pane && host && canvas) start(page, pane, host, canvas);

function start(page: HTMLElement, pane: HTMLElement, host: HTMLElement, canvas: HTMLElement): void {
  const words = pageMessages();
  const { track = '', lesson = '', language } = page.dataset;
  const address = { track, lesson };
  const terminals = openTerminals(host, language === 'fr' ? 'fr' : 'en', () => toast(words.noTerminal));
  const view = lessonView(pane, words);
  const map = mapStore();
  const activity = wireActivity(page, address, words);

  wireCommands(terminals, words);
  wireAnswers(pane, address, words);
  wireSplitters(page);
  wireShortcuts({ pane, terminals, project: wireProjection(pane).project });
  void import('./map/mount.ts').then(({ mountMap }) => mountMap(canvas, { map, words, starter: starterIn(pane) }));

  let lost = false;
  openLive({
    url: `/api/events?${new URLSearchParams(address)}`,
    on: {
      lesson: (event) => view.show(event, false),
      change: (event) => view.show(event, true),
      map: (event) => map.replace(event.objects),
      'map-change': (event) => map.change(event),
      activity: activity.show,
      notice: ({ level, text, facts }) =>
        toast(say(words.notices[text] ?? text, facts ?? {}), { level, stay: level === 'error' }),
    },
    onState(state) {
      if (state === 'live' && lost) toast(words.back, { level: 'info' });
      else if (state === 'lost') toast(words.lost, { stay: true });
      else if (state === 'signed-out') toast(words.signedOut, { stay: true });
      else hideToast();
      lost = state !== 'live';
    },
  });
}

/** The lesson's first command that makes something: what an empty map proposes. */
function starterIn(pane: HTMLElement): string | undefined {
  const commands = [...pane.querySelectorAll<HTMLElement>('.step-body > [data-run]')].map(
    ({ dataset }) => dataset.run ?? '',
  );
  return commands.find((command) => /^(kubectl (apply|create|run)|helm install) [^\n]{1,70}$/.test(command));
}
