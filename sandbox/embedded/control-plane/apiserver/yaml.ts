import { createRequire } from 'node:module';
import type { Loose } from '../../../../kubernetes/object.ts';

const require = createRequire(import.meta.url);

/** The parser is loaded with the first YAML body: most servers never see one before they are up. */
const yaml = (): typeof import('yaml') => require('yaml');

/** Throws the parser's error. Anchors cannot blow the value up. */
export const readYaml = (text: string): Loose => yaml().parse(text, { maxAliasCount: 50 });

export const writeYaml = (value: Loose): string => yaml().stringify(value, { aliasDuplicateObjects: false });
