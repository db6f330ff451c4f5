import { FitAddon } from '@xterm/addon-fit';
import { Unicode11Addon } from '@xterm/addon-unicode11';
import { WebLinksAddon } from '@xterm/addon-web-links';
import { Terminal } from '@xterm/xterm';

/** The columns a lesson's output is written for. */
const WANTED_COLUMNS = 96;
const SMALLEST_FONT = 11.5;
const LARGEST_FONT = 14;
/** A stage is read from the last row. */
const STAGE_FONT = 22;
const FACE = "'JetBrains Mono Variable'";
const OTHER_FACES = 'ui-monospace, monospace';
/** Width of a character of the terminal's face, in em. */
const ADVANCE = 0.6;

export interface Screen {
  terminal: Terminal;
  /** Chooses type size and grid for the room there is. */
  fit(): void;
  retheme(): void;
  dispose(): void;
}

/** The dumb view: an xterm with the bench's colours, safe options and no wires attached. `onFace`: its type is there, and has other measures. */
export function createScreen(host: HTMLElement, onFace: () => void): Screen {
  const terminal = new Terminal({
    fontFamily: OTHER_FACES,
    fontSize: 13,
    lineHeight: 1.25,
    cursorBlink: false,
    scrollback: 5000,
    macOptionIsMeta: true,
    allowProposedApi: true,
    // No answers about the window, nothing opened but http: what runs here is a stranger's program.
    windowOptions: {},
    linkHandler: { activate: (_, address) => openAddress(address), allowNonHttpProtocols: false },
    theme: themeOf(host),
  });
  const fitter = new FitAddon();
  terminal.loadAddon(fitter);
  terminal.loadAddon(new WebLinksAddon((_, address) => openAddress(address)));
  terminal.loadAddon(new Unicode11Addon());
  terminal.unicode.activeVersion = '11';
  terminal.open(host);
  void accelerate(terminal);
  // xterm measures a face when it is named: one that comes later would leave rows that do not fit.
  void document.fonts.load(`${LARGEST_FONT}px ${FACE}`).then(() => {
    terminal.options.fontFamily = `${FACE}, ${OTHER_FACES}`;
    onFace();
  });
  return {
    terminal,
    fit() {
      if (host.clientWidth === 0) return;
      const stage = document.documentElement.dataset.stage !== undefined;
      const size = (host.clientWidth - 20) / (WANTED_COLUMNS * ADVANCE);
      const chosen = stage ? STAGE_FONT : Math.min(LARGEST_FONT, Math.max(SMALLEST_FONT, Math.floor(size * 4) / 4));
      if (terminal.options.fontSize !== chosen) terminal.options.fontSize = chosen;
      fitter.fit();
    },
    retheme() {
      terminal.options.theme = themeOf(host);
    },
    dispose: () => terminal.dispose(),
  };
}

function openAddress(address: string): void {
  if (/^https?:/.test(address)) window.open(address, '_blank', 'noopener,noreferrer');
}

/** WebGL where a GPU draws it; a software renderer is slower than the DOM. */
async function accelerate(terminal: Terminal): Promise<void> {
  const context = document.createElement('canvas').getContext('webgl2');
  const info = context?.getExtension('WEBGL_debug_renderer_info');
  const renderer = info && String(context?.getParameter(info.UNMASKED_RENDERER_WEBGL));
  context?.getExtension('WEBGL_lose_context')?.loseContext();
  if (!renderer || /swiftshader|llvmpipe|software|basic render/i.test(renderer)) return;
  const { WebglAddon } = await import('@xterm/addon-webgl');
  const addon = new WebglAddon();
  addon.onContextLoss(() => addon.dispose());
  terminal.loadAddon(addon);
}

function themeOf(host: HTMLElement) {
  const style = getComputedStyle(host);
  const colour = (name: string, otherwise: string) => style.getPropertyValue(name).trim() || otherwise;
  const red = colour('--b-bad', '#ff7182');
  const green = colour('--b-ok', '#43d3a0');
  const yellow = colour('--b-wait', '#f2b455');
  const blue = colour('--b-blue', '#78a9ff');
  const soft = colour('--bench-soft', '#8796aa');
  const foreground = colour('--bench-ink', '#dfe7f1');
  const background = colour('--bench', '#0e141c');
  return {
    background,
    foreground,
    cursor: foreground,
    cursorAccent: background,
    selectionBackground: colour('--bench-line', '#263140'),
    red,
    brightRed: red,
    green,
    brightGreen: green,
    yellow,
    brightYellow: yellow,
    blue,
    brightBlue: blue,
    brightBlack: soft,
  };
}
