import { gunzipSync, unzipSync } from 'fflate';
import { parseTar } from 'nanotar';

/** The bytes of one file of a gzipped tar. Throws when the archive does not hold it. */
export function fileOfTarGz(archive: Uint8Array, wanted: (name: string) => boolean): Uint8Array {
  const file = parseTar(gunzipSync(archive)).find((entry) => wanted(entry.name));
  if (!file?.data) throw new Error('the archive does not hold the file');
  return file.data;
}

/** The bytes of one file of a zip. Throws when the archive does not hold it. */
export function fileOfZip(archive: Uint8Array, wanted: string): Uint8Array {
  const file = unzipSync(archive, { filter: (entry) => entry.name === wanted })[wanted];
  if (!file) throw new Error('the archive does not hold the file');
  return file;
}
