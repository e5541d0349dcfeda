import { fetchPatiently } from './fetch-patiently.ts';
import type { ApiKeyCredentials } from './platform.ts';

export interface StartedCall {
  readonly callId: string;
  readonly wsUrl: string;
  readonly status: string;
}

export interface CallsAnswer<Data = Readonly<Record<string, unknown>>> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: {
    readonly success: boolean;
    readonly data: Data;
    readonly error: { readonly code: string; readonly message: string; readonly details: object };
  };
}

/** Numbers whose outcome is known (spec: calls, "Telephony driver"). */
export const rehearsal = {
  busy: '+15005550001',
  unreachable: '+15005550003',
  answersAtOnce: '+15005550005',
} as const;

export const keyHeaders = ({ key, secret }: ApiKeyCredentials): Readonly<Record<string, string>> => ({
  'x-api-key': key,
  'x-api-secret': secret,
});

/** A server that makes calls: the two headers of the guide, JSON in and out. */
export const createCallsClient = (gatewayUrl: string, credentials: ApiKeyCredentials) => {
  const ask = async <Data = Readonly<Record<string, unknown>>>(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<CallsAnswer<Data>> => {
    const response = await fetchPatiently(`${gatewayUrl}/api/v1${path}`, {
      method,
      headers: {
        ...keyHeaders(credentials),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    try {
      return { status: response.status, headers: response.headers, body: JSON.parse(text) };
    } catch (error) {
      throw new Error(`${method} ${path} answered ${response.status}, and no JSON: ${text}`, {
        cause: error,
      });
    }
  };
  const succeed = async <Data>(method: string, path: string, body?: unknown): Promise<Data> => {
    const answer = await ask<Data>(method, path, body);
    if (!answer.body.success) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body.data;
  };
  return {
    ask,
    start: (phone: string = rehearsal.answersAtOnce, name = 'Dana Demo') =>
      succeed<StartedCall>('POST', '/calls', { name, phone, callType: 'outbound' }),
    end: (callId: string) => succeed<{ readonly endTime: string }>('POST', `/calls/${callId}/end`),
    press: (callId: string, dtmfDigit: string) =>
      succeed('POST', `/calls/${callId}/actions`, { action: 'dtmf', dtmfDigit }),
  };
};
export type CallsClient = ReturnType<typeof createCallsClient>;
