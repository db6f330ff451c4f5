import { type CollectionEntry, getCollection, getEntry } from 'astro:content';
import type { Language } from '../i18n/languages.ts';
import type { Lesson } from '../lessons/schema.ts';
import type { LessonProgress, PageContext } from './page-context.ts';

export interface LessonCard {
  /** `datalab/02-raw-jupyter`: the key of its progress. */
  key: string;
  folder: string;
  /** The folder without its number, as in addresses. */
  slug: string;
  number: number;
  title: string;
  lede: string;
  plan: Lesson;
  prose: CollectionEntry<'prose'>;
}

export interface TrackCard {
  id: string;
  title: string;
  lede: string;
  lessons: LessonCard[];
}

/**
 * The lesson a page shows, for the components of its prose.
 * @public named in env.d.ts
 */
export interface Reading {
  track: string;
  folder: string;
  language: Language;
  plan: Lesson;
  progress: LessonProgress;
  variables: Readonly<Record<string, string>>;
  /** Whether the whole cluster is the learner's. */
  owns: boolean;
}

/** The language of the page seen last, for the way back. */
export const LANGUAGE_COOKIE = 'atelier-language';

export const slugOf = (folder: string) => folder.replace(/^\d+-/, '');

/** All tracks with their lessons in order, in one language. A lesson counts once its prose and its plan are there. */
export async function listTracks(language: Language): Promise<TrackCard[]> {
  const [tracks, prose] = await Promise.all([getCollection('tracks'), getCollection('prose')]);
  const cards = await Promise.all(
    tracks.map(async ({ id, data }) => {
      const track = id.split('/')[0] ?? id;
      const own = prose.filter((entry) => entry.id.startsWith(`${track}/`) && entry.id.endsWith(`/${language}`));
      const lessons = await Promise.all(own.map(lessonCard));
      return {
        id: track,
        title: data.title[language],
        lede: data.lede[language],
        lessons: lessons.filter((card) => card !== undefined).sort((a, b) => a.folder.localeCompare(b.folder)),
      };
    }),
  );
  return cards.sort((a, b) => a.id.localeCompare(b.id));
}

async function lessonCard(prose: CollectionEntry<'prose'>): Promise<LessonCard | undefined> {
  const [track = '', folder = ''] = prose.id.split('/');
  const plan = await getEntry('plans', `${track}/${folder}/lesson`);
  if (!plan) return undefined;
  const { title, lede } = prose.data;
  const number = Number.parseInt(folder, 10);
  return { key: `${track}/${folder}`, folder, slug: slugOf(folder), number, title, lede, plan: plan.data, prose };
}

/** What the server knows of a lesson's progress; without it, a lesson that was just opened. */
export function progressOf(card: LessonCard, context: PageContext | undefined): LessonProgress {
  const known = context?.progress[card.key];
  if (known) return known;
  const first = card.plan.steps[0]?.id;
  return {
    done: 0,
    total: card.plan.steps.length,
    finished: false,
    steps: first === undefined ? {} : { [first]: 'current' },
    checks: {},
  };
}

/** The lesson to go on with: the one open last unless it is finished, else the first that is not. */
export function resumeAt(lessons: LessonCard[], context: PageContext | undefined): LessonCard | undefined {
  const open = (card: LessonCard) => !context?.progress[card.key]?.finished;
  const last = lessons.findIndex((card) => card.key === context?.last);
  const from = Math.max(0, last);
  return [...lessons.slice(from), ...lessons.slice(0, from)].find(open);
}

export const lessonPath = (language: Language, track: string, card: LessonCard) =>
  `/${language}/${track}/${card.slug}/`;
