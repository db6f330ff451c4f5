import type { MapObject, Tone } from '../../checks/map-states.ts';

/** One card: an object, or many pods of one owner. */
export interface Card {
  key: string;
  kind: string;
  /** The object, or the first pod of many. */
  object: MapObject;
  /** The pods of a card that stands for many. */
  pods?: MapObject[];
  x: number;
  y: number;
  width: number;
  height: number;
}

interface Edge {
  key: string;
  path: string;
  /** Who finds whom by label, not who made whom. */
  selects: boolean;
  tone: Tone;
}

export interface MapLayout {
  cards: Card[];
  edges: Edge[];
  width: number;
  height: number;
}

export interface Room {
  /** px */
  width: number;
  height: number;
  /** 1 at the usual size of text. */
  scale?: number;
}

type Column = 'makers' | 'middle' | 'pods' | 'finders';
const COLUMNS: Column[] = ['makers', 'middle', 'pods', 'finders'];
const WIDTH: Record<Column, number> = { makers: 142, middle: 146, pods: 184, finders: 142 };
const CARD = 46;
const GAP = 9;
const EDGE = 12;
const LEAST_GAP = 14;
/** How much narrower cards may be. */
const LEAST_WIDTH = 0.72;
/** px: below, ReplicaSets are left out, and pods hang on what made those. */
const NARROW = 500;
const MOST_GAP = 84;
const TREE_GAP = 16;
const DOT = 13;
const MAKERS = new Set([
  'Deployment',
  'StatefulSet',
  'DaemonSet',
  'CronJob',
  'Job',
  'ReplicaSet',
  'ReplicationController',
]);
/** How many pods of one owner get cards of their own: the first that fits the height is taken. */
const SINGLES = [6, 4, 3, 2, 1];

interface Branch {
  object: MapObject;
  column: Column;
  branches: Branch[];
  pods?: MapObject[];
}

/** Places makers left, pods in the middle, what finds them right; pure, so that the same objects always stand the same. */
export function layoutMap(all: readonly MapObject[], room: Room): MapLayout {
  const scale = room.scale ?? 1;
  const inner = { width: room.width / scale, height: room.height / scale };
  const attempts = SINGLES.map((singles) => place(all, inner, singles));
  const chosen = attempts.find((attempt) => attempt.height <= inner.height) ?? attempts[2] ?? place(all, inner, 3);
  return scale === 1 ? chosen : enlarge(chosen, scale);
}

function place(all: readonly MapObject[], room: Room, singles: number): MapLayout {
  const objects = room.width < NARROW ? withoutMiddle(visible(all)) : visible(all);
  const { trees, finders } = sort(objects, singles);
  const used = new Set<Column>(finders.length > 0 ? ['finders'] : []);
  for (const tree of trees) columnsOf(tree, used);
  const columns = columnsAt(
    COLUMNS.filter((column) => used.has(column)),
    room.width,
  );

  const cards: Card[] = [];
  let y = 0;
  for (const tree of trees) {
    y = grow(tree, y, columns, cards) + TREE_GAP;
  }
  placeFinders(finders, columns, cards);
  const bottom = Math.max(0, ...cards.map((card) => card.y + card.height));
  const shift = Math.max(EDGE / 2, (room.height - bottom) / 2 - 6);
  for (const card of cards) card.y += shift;
  const right = Math.max(0, ...cards.map((card) => card.x + card.width));
  return { cards, edges: edgesOf(objects, cards), width: right + EDGE, height: bottom + EDGE };
}

function withoutMiddle(objects: MapObject[]): MapObject[] {
  const sets = new Map(
    objects.flatMap(({ kind, uid, owner }) => (kind === 'ReplicaSet' && owner ? [[uid, owner]] : [])),
  );
  return objects
    .filter(({ uid }) => !sets.has(uid))
    .map((object) => {
      const owner = object.owner && sets.get(object.owner);
      return owner ? { ...object, owner } : object;
    });
}

/** Old versions of a Deployment, with no pod left, only clutter. */
function visible(all: readonly MapObject[]): MapObject[] {
  const owners = new Set(all.map(({ owner }) => owner));
  return all.filter(
    ({ kind, uid, tone, owner }) => kind !== 'ReplicaSet' || tone !== 'idle' || !owner || owners.has(uid),
  );
}

function sort(objects: MapObject[], singles: number): { trees: Branch[]; finders: MapObject[] } {
  const present = new Set(objects.map(({ uid }) => uid));
  const byName = (a: MapObject, b: MapObject) => a.name.localeCompare(b.name) || a.uid.localeCompare(b.uid);
  const childrenOf = (uid: string) => objects.filter(({ owner }) => owner === uid).sort(byName);
  const branch = (object: MapObject, depth: number): Branch => {
    const children = childrenOf(object.uid);
    const pods = children.filter(({ kind }) => kind === 'Pod');
    const others = children.filter(({ kind }) => kind !== 'Pod').map((child) => branch(child, depth + 1));
    const many = pods.length > singles && pods[0];
    const leaves: Branch[] = many
      ? [{ object: many, column: 'pods', branches: [], pods }]
      : pods.map((pod) => ({ object: pod, column: 'pods', branches: [] }));
    const column = object.kind === 'Pod' ? 'pods' : depth === 0 ? 'makers' : 'middle';
    return { object, column, branches: [...others, ...leaves] };
  };
  const roots = objects.filter(({ owner }) => !owner || !present.has(owner)).sort(byName);
  const isTree = ({ kind, selects }: MapObject) => kind === 'Pod' || (MAKERS.has(kind) && !selects);
  return {
    trees: roots
      .filter(isTree)
      .sort((a, b) => Number(a.kind === 'Pod') - Number(b.kind === 'Pod'))
      .map((root) => branch(root, 0)),
    finders: roots.filter((root) => !isTree(root)),
  };
}

function columnsOf(branch: Branch, used: Set<Column>): void {
  used.add(branch.column);
  for (const child of branch.branches) columnsOf(child, used);
}

interface Lane {
  x: number;
  width: number;
}
type Lanes = ReadonlyMap<Column, Lane>;

/** Cards give way first, then what room is left goes between the columns, evenly, up to a point. */
function columnsAt(columns: Column[], room: number): Lanes {
  const gaps = columns.length - 1;
  const wished = columns.reduce((sum, column) => sum + WIDTH[column], 0);
  const share = Math.min(1, Math.max(LEAST_WIDTH, (room - 2 * EDGE - gaps * LEAST_GAP) / wished));
  const taken = wished * share;
  const gap = Math.min(MOST_GAP, Math.max(LEAST_GAP, (room - 2 * EDGE - taken) / Math.max(1, gaps)));
  let x = Math.max(EDGE, (room - taken - gap * gaps) / 2);
  return new Map(
    columns.map((column) => {
      const lane = { x, width: WIDTH[column] * share };
      x += lane.width + gap;
      return [column, lane];
    }),
  );
}

/** Places a branch from `y` down, its maker at the middle of what it made. Returns the bottom. */
function grow({ object, column, branches, pods }: Branch, y: number, columns: Lanes, cards: Card[]): number {
  const { x, width } = columns.get(column) ?? { x: 0, width: WIDTH[column] };
  const height = pods ? 34 + Math.ceil(pods.length / Math.floor((width - 24) / DOT)) * DOT : CARD;
  const card: Card = {
    key: pods ? `many-${object.owner}` : object.uid,
    kind: object.kind,
    object,
    x,
    y,
    width,
    height,
  };
  if (pods) card.pods = pods;
  cards.push(card);
  let bottom = y;
  for (const [index, child] of branches.entries()) bottom = grow(child, index === 0 ? y : bottom + GAP, columns, cards);
  const whole = Math.max(bottom, y + height);
  card.y = y + (whole - y - height) / 2;
  return whole;
}

function placeFinders(finders: MapObject[], columns: Lanes, cards: Card[]): void {
  const middleOf = (uid: string) => {
    const card = cards.find(({ object, pods }) => object.uid === uid || pods?.some((pod) => pod.uid === uid));
    return card && card.y + card.height / 2;
  };
  const wished = finders.map((object) => {
    const middles = (object.selects ?? []).map(middleOf).filter((middle) => middle !== undefined);
    const mean = middles.reduce((sum, middle) => sum + middle, 0) / middles.length;
    return { object, y: middles.length > 0 ? mean - CARD / 2 : Number.POSITIVE_INFINITY };
  });
  wished.sort((a, b) => (a.y === b.y ? a.object.name.localeCompare(b.object.name) : a.y - b.y));
  const lane = columns.get('finders') ?? { x: 0, width: WIDTH.finders };
  let free = 0;
  for (const { object, y } of wished) {
    const at = Number.isFinite(y) ? Math.max(free, y) : free;
    cards.push({
      key: object.uid,
      kind: object.kind,
      object,
      x: lane.x,
      y: at,
      width: lane.width,
      height: CARD,
    });
    free = at + CARD + GAP;
  }
}

function edgesOf(objects: MapObject[], cards: Card[]): Edge[] {
  const cardOf = new Map<string, Card>();
  for (const card of cards) for (const { uid } of card.pods ?? [card.object]) cardOf.set(uid, card);
  const edges = new Map<string, Edge>();
  const join = (from: Card | undefined, to: Card | undefined, selects: boolean, tone: Tone) => {
    if (!from || !to || from === to || from.x >= to.x) return;
    const key = `${from.key}>${to.key}`;
    const [x1, y1, x2, y2] = [from.x + from.width, from.y + from.height / 2, to.x, to.y + to.height / 2];
    const bend = (x2 - x1) / 2;
    edges.set(key, { key, path: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`, selects, tone });
  };
  for (const object of objects) {
    const card = cardOf.get(object.uid);
    if (object.owner) join(cardOf.get(object.owner), card, false, object.tone);
    for (const uid of object.selects ?? []) join(cardOf.get(uid), card, true, object.tone);
  }
  return [...edges.values()];
}

function enlarge({ cards, edges, width, height }: MapLayout, scale: number): MapLayout {
  const path = (text: string) => text.replace(/-?\d+(\.\d+)?/g, (number) => String(Number(number) * scale));
  return {
    cards: cards.map((card) => ({
      ...card,
      x: card.x * scale,
      y: card.y * scale,
      width: card.width * scale,
      height: card.height * scale,
    })),
    edges: edges.map((edge) => ({ ...edge, path: path(edge.path) })),
    width: width * scale,
    height: height * scale,
  };
}
