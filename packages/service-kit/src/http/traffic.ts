import type { ServerResponse } from 'node:http';

/** The requests that are being answered, and a way to wait for the last of them. */
export interface Traffic {
  readonly inFlight: number;
  begin(response: ServerResponse): void;
  end(response: ServerResponse): void;
  /** Has the connections of all present requests closed after their answers. */
  sendAway(): void;
  /** Resolves when no request is being answered. */
  idle(): Promise<void>;
}

export const createTraffic = (): Traffic => {
  const responses = new Set<ServerResponse>();
  let waiting: (() => void)[] = [];
  return {
    get inFlight() {
      return responses.size;
    },
    begin: (response) => void responses.add(response),
    end: (response) => {
      responses.delete(response);
      if (responses.size > 0) return;
      for (const resolve of waiting) resolve();
      waiting = [];
    },
    sendAway: () => {
      for (const response of responses) {
        if (!response.headersSent) response.setHeader('connection', 'close');
      }
    },
    idle: () => (responses.size === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
  };
};
