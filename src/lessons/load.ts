import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LessonProblem } from './problem.ts';
import { type Lesson, lessonSchema, type Track, trackSchema } from './schema.ts';
import { parseBySchema, readYaml, type YamlSource } from './yaml-source.ts';

/** One lesson as its folder has it. */
export interface LessonFolder {
  /** The track's folder: `datalab`. */
  track: string;
  /** The folder without its number: `raw-jupyter`. */
  id: string;
  /** From the folder's number: 2. */
  number: number;
  /** Absolute. */
  folder: string;
  lesson: Lesson;
  source: YamlSource;
}

export interface TrackFolder {
  id: string;
  folder: string;
  track: Track;
  lessons: LessonFolder[];
}

/**
 * Reads all tracks under `root/lessons`, lessons in the order of their numbers. What is wrong is collected;
 * a lesson that cannot be read is left out.
 * @param root absolute path of the project
 */
export function loadTracks(root: string): { tracks: TrackFolder[]; problems: LessonProblem[] } {
  const problems: LessonProblem[] = [];
  const tracks: TrackFolder[] = [];
  const folder = join(root, 'lessons');
  for (const id of existsSync(folder) ? folders(folder) : []) {
    const path = join(folder, id);
    const file = join(path, 'track.yaml');
    if (!existsSync(file)) {
      problems.push(
        missing(file, 'the track has no `track.yaml`', 'add one with `title` and `lede`, each in `en` and `fr`'),
      );
      continue;
    }
    const parsed = parseBySchema(readYaml(file, readFileSync(file, 'utf8')), trackSchema);
    problems.push(...parsed.problems);
    const lessons = loadLessons(path, id, problems);
    if (parsed.value) tracks.push({ id, folder: path, track: parsed.value, lessons });
  }
  return { tracks, problems };
}

function loadLessons(track: string, trackId: string, problems: LessonProblem[]): LessonFolder[] {
  const lessons: LessonFolder[] = [];
  for (const name of folders(track)) {
    const folder = join(track, name);
    const file = join(folder, 'lesson.yaml');
    const match = /^(\d+)-([a-z0-9][a-z0-9-]*)$/.exec(name);
    if (!match) {
      if (existsSync(file))
        problems.push(
          missing(
            file,
            `the folder \`${name}\` has no number`,
            'name it like `02-raw-jupyter`: the number is its place in the track',
          ),
        );
      continue;
    }
    const twin = lessons.find((lesson) => lesson.number === Number(match[1]) || lesson.id === match[2]);
    if (twin)
      problems.push(
        missing(
          file,
          `\`${name}\` has the number or the name of another lesson`,
          `change it: the other is ${twin.folder}`,
        ),
      );
    if (!existsSync(file)) {
      problems.push(
        missing(file, `the lesson \`${name}\` has no \`lesson.yaml\``, 'add one with `minutes`, `needs` and `steps`'),
      );
      continue;
    }
    const source = readYaml(file, readFileSync(file, 'utf8'));
    const parsed = parseBySchema(source, lessonSchema, { minutes: 1, needs: 'namespace' });
    problems.push(...parsed.problems);
    if (parsed.value)
      lessons.push({
        track: trackId,
        id: match[2] ?? '',
        number: Number(match[1]),
        folder,
        lesson: parsed.value,
        source,
      });
  }
  return lessons.sort((a, b) => a.number - b.number);
}

function folders(path: string): string[] {
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => entry.name)
    .sort();
}

function missing(file: string, message: string, remedy: string): LessonProblem {
  return { file, line: 1, column: 1, message, remedy };
}
