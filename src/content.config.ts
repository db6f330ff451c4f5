import { defineCollection } from 'astro:content';
import { glob } from 'astro/loaders';
import { z } from 'zod';
import { lessonSchema, trackSchema } from './lessons/schema.ts';

const idOf = ({ entry }: { entry: string }) => entry.replace(/\.(mdx|yaml)$/, '');

/** The prose, one entry a language: `datalab/02-raw-jupyter/en`. */
const prose = defineCollection({
  loader: glob({ base: './lessons', pattern: '*/*/{en,fr}.mdx', generateId: idOf }),
  schema: z.strictObject({
    title: z.string().min(1),
    /** One sentence under the title. */
    lede: z.string().min(1),
  }),
});

/** What is true in every language: `datalab/02-raw-jupyter/lesson`. */
const plans = defineCollection({
  loader: glob({ base: './lessons', pattern: '*/*/lesson.yaml', generateId: idOf }),
  schema: lessonSchema,
});

/** `datalab/track`. */
const tracks = defineCollection({
  loader: glob({ base: './lessons', pattern: '*/track.yaml', generateId: idOf }),
  schema: trackSchema,
});

export const collections = { prose, plans, tracks };
