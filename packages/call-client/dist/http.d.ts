export interface Credentials {
    readonly apiKey?: string | undefined;
    readonly apiSecret?: string | undefined;
    /** Instead of a key pair, e.g. `{ authorization: 'Bearer …' }`; a function is asked before each request. */
    readonly headers?: HeaderValues | (() => HeaderValues | Promise<HeaderValues>) | undefined;
}
type HeaderValues = Readonly<Record<string, string>>;
export interface HttpOptions extends Credentials {
    readonly baseUrl: string;
    readonly timeoutMs: number;
}
export interface HttpRequest {
    readonly method: 'GET' | 'POST';
    /** After the base URL. */
    readonly path: string;
    readonly query?: Readonly<Record<string, string | number | undefined>>;
    readonly body?: unknown;
    readonly headers?: HeaderValues;
    /** Goes out even though the page is being left. */
    readonly keepalive?: boolean;
}
export interface Http {
    /** Gives `data` of the answer. Throws CallClientError. */
    request<Data>(request: HttpRequest): Promise<Data>;
}
/** Asks the API; what is in the way for a moment is tried again. */
export declare const createHttp: ({ baseUrl, apiKey, apiSecret, headers, timeoutMs }: HttpOptions) => Http;
export {};
