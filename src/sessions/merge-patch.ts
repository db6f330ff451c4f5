interface Plain {
  [key: string]: unknown;
}

/** The JSON merge patch (RFC 7386) that makes `after` of `before`: what is gone is named with null, or it would stay. */
export function mergePatch(before: object | undefined, after: object): Plain {
  const old = { ...before } as Plain;
  const patch: Plain = {};
  for (const key of Object.keys(old)) if (!(key in after)) patch[key] = null;
  for (const [key, value] of Object.entries(after)) {
    const previous = old[key];
    patch[key] = isPlain(value) ? mergePatch(isPlain(previous) ? previous : undefined, value) : value;
  }
  return patch;
}

function isPlain(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
