/** Every text of the site; a language that lacks one does not compile. `{name}` is filled in by `say`. */
export interface Messages {
  name: string;
  site: {
    name: string;
    tagline: string;
    lede: string;
    skip: string;
  };
  header: {
    navigation: string;
    language: string;
    view: string;
    stage: string;
    keys: string;
  };
  view: {
    lesson: string;
    bench: string;
    auto: string;
    light: string;
    dark: string;
    benchHint: string;
  };
  overview: {
    title: string;
    resume: string;
    begin: string;
    lessons: string;
    lesson: string;
    minutes: string;
    total: string;
    stepsDone: string;
    finished: string;
    caughtUp: string;
    sandbox: string;
    namespace: string;
    cluster: string;
    nodes: string;
    authority: string;
    embedded: string;
    real: string;
    noSession: string;
    simulatedTitle: string;
    simulated: readonly string[];
    simulatedReal: string;
  };
  lesson: {
    theory: string;
    theoryHint: string;
    project: string;
    closeProjection: string;
    stepState: Record<'todo' | 'current' | 'done', string>;
    run: string;
    runIn: string;
    copy: string;
    terminal: string;
    passed: string;
    failing: string;
    waiting: string;
    watching: string;
    isNow: string;
    isAbsent: string;
    hint: string;
    more: string;
    note: string;
    warning: string;
    simulated: string;
    file: string;
    answer: string;
    yourAnswer: string;
    download: string;
    /** The button that downloads the workshop's certificate authority, and what stands there where there is none. */
    authority: string;
    noAuthority: string;
    /** A lesson that changes more than the learner's namespace. */
    needsCluster: string;
    needsClusterHint: string;
    next: string;
    finished: string;
    allFinished: string;
    menu: string;
    reset: string;
    resetAsk: string;
    resetText: string;
    resetYes: string;
    cancel: string;
    behindTitle: string;
    behind: string;
    catchUp: string;
    minutes: string;
  };
  bench: {
    label: string;
    map: string;
    terminal: string;
    split: string;
    splitMap: string;
    namespace: string;
    embedded: string;
    real: string;
    nodes: string;
    oneNode: string;
    noTerminal: string;
  };
  keys: {
    title: string;
    intro: string;
    close: string;
    /** Key and what it does. */
    list: readonly (readonly [key: string, does: string])[];
  };
  signIn: {
    title: string;
    ready: string;
    enter: string;
    noneTitle: string;
    none: string;
    line: string;
    lost: string;
    refused: string;
  };
  missing: {
    title: string;
    text: string;
    home: string;
  };
  broken: {
    title: string;
    text: string;
    again: string;
  };
  browser: {
    stepState: Record<'todo' | 'current' | 'done', string>;
    verdict: Record<'waiting' | 'failing' | 'passed', string>;
    copied: string;
    copyFailed: string;
    watching: string;
    is: string;
    absent: string;
    more: string;
    sending: string;
    right: string;
    wrong: string;
    /** The truth cannot be read from the cluster now. */
    unknown: string;
    notArmed: string;
    notSent: string;
    stepDone: string;
    checkPassed: string;
    hintShown: string;
    lessonDone: string;
    lost: string;
    back: string;
    signedOut: string;
    busy: string;
    noTerminal: string;
    running: string;
    activityDone: string;
    activityFailed: string;
    catchUp: string;
    reset: string;
    justNow: string;
    seconds: string;
    minutes: string;
    hours: string;
    days: string;
    ago: string;
    emptyTitle: string;
    emptyText: string;
    emptyStart: string;
    mapWaiting: string;
    mapLabel: string;
    endpoints: string;
    oneEndpoint: string;
    pods: string;
    close: string;
    onNode: string;
    toneOk: string;
    toneWait: string;
    toneBad: string;
    toneIdle: string;
  };
  /** By the key of an event `notice`. */
  notices: Readonly<Record<string, string>>;
}

/** The texts that the page's scripts need; they travel with the page. */
export type BrowserMessages = Messages['browser'] & { notices: Messages['notices'] };
