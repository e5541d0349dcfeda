import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface Heard {
  /** Root mean square of 16-bit samples: the browser's own tone has about 5,600. */
  readonly loudness: number;
  /** 1: nothing but its own tone. */
  readonly toneShare: number;
}

export interface PacketCounts {
  readonly state: string;
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
}

type Act =
  | { readonly act: 'open' | 'counts' | 'close' }
  | { readonly act: 'offer'; readonly options: { readonly iceRestart?: boolean } }
  | { readonly act: 'answer'; readonly sdp: string }
  | { readonly act: 'listen'; readonly ms: number };
export type BrowserRequest = Act & { readonly id: number; readonly browser: number };
export type BrowserAnswer = { readonly id: number; readonly value?: unknown; readonly error?: string };

export interface Browser {
  offer(options?: { readonly iceRestart?: boolean }): Promise<string>;
  answer(sdp: string): Promise<void>;
  listen(ms: number): Promise<Heard>;
  counts(): Promise<PacketCounts>;
  close(): Promise<void>;
}

export interface Browsers {
  /** Null: this machine has none, and `missing` says why. */
  readonly missing: string | null;
  open(): Promise<Browser>;
  end(): Promise<void>;
}

/** Starts the process that has the browsers. */
export const startBrowsers = async (): Promise<Browsers> => {
  const child: ChildProcess = fork(fileURLToPath(new URL('browser-child.ts', import.meta.url)), {
    execArgv: [],
  });
  const waiting = new Map<number, (answer: BrowserAnswer) => void>();
  let ids = 0;
  let browsers = 0;
  const ready = new Promise<BrowserAnswer>((resolve) => waiting.set(0, resolve));
  child.on('message', (answer: BrowserAnswer) => {
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  child.on('exit', () => {
    for (const [id, resolve] of waiting) resolve({ id, error: 'the process of the browsers ended' });
  });
  const ask = async (browser: number, act: Act): Promise<unknown> => {
    ids += 1;
    const id = ids;
    const answered = new Promise<BrowserAnswer>((resolve) => waiting.set(id, resolve));
    child.send({ ...act, id, browser });
    const { value, error } = await answered;
    if (error !== undefined) throw new Error(error);
    return value;
  };
  const { error } = await ready;
  return {
    missing: error === undefined ? null : `no browser for tests (@roamhq/wrtc): ${error}`,
    async open() {
      browsers += 1;
      const browser = browsers;
      await ask(browser, { act: 'open' });
      return {
        offer: async (options = {}) => String(await ask(browser, { act: 'offer', options })),
        answer: async (sdp) => void (await ask(browser, { act: 'answer', sdp })),
        listen: async (ms) => (await ask(browser, { act: 'listen', ms })) as Heard,
        counts: async () => (await ask(browser, { act: 'counts' })) as PacketCounts,
        close: async () => void (await ask(browser, { act: 'close' })),
      };
    },
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
};
