/** How many requests are being answered, and a way to wait for the last of them. */
export interface Traffic {
  readonly inFlight: number;
  begin(): void;
  end(): void;
  /** Resolves when no request is being answered. */
  idle(): Promise<void>;
}

export const createTraffic = (): Traffic => {
  let inFlight = 0;
  let waiting: (() => void)[] = [];
  return {
    get inFlight() {
      return inFlight;
    },
    begin: () => {
      inFlight += 1;
    },
    end: () => {
      inFlight -= 1;
      if (inFlight > 0) return;
      for (const resolve of waiting) resolve();
      waiting = [];
    },
    idle: () => (inFlight === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
  };
};
