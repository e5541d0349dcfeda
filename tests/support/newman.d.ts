/** What is used of newman, which brings no types. */
declare module 'newman' {
  interface RunOptions {
    readonly collection: object;
    readonly envVar: readonly { readonly key: string; readonly value: string }[];
    readonly workingDir: string;
    readonly reporters: readonly string[];
    readonly timeoutRequest: number;
  }
  export interface RunSummary {
    readonly run: {
      readonly stats: Readonly<
        Record<'requests' | 'assertions', { readonly total?: number; readonly failed?: number }>
      >;
      readonly executions: readonly {
        readonly item: { readonly name: string };
        readonly request: { readonly method: string; readonly url: { toString(): string } };
        readonly response?: { readonly code: number; text(): string };
        readonly requestError?: Error;
        readonly assertions?: readonly { readonly assertion: string; readonly error?: Error }[];
        readonly testScript?: readonly { readonly error?: Error }[];
      }[];
    };
  }
  const newman: {
    run(options: RunOptions, done: (error: Error | null, summary: RunSummary) => void): void;
  };
  export default newman;
}
