import type { z } from 'zod';
import type { ServiceName } from './services.ts';

/** A question that services and the gateway ask each other over NATS request/reply: `rpc.<service>.<verb>`. */
export interface RpcContract<Request extends z.ZodType = z.ZodType, Reply extends z.ZodType = z.ZodType> {
  readonly subject: string;
  readonly owner: ServiceName;
  /** True: asked on `<subject>.<id>`, which the one process answers that has the thing of that id in hand. */
  readonly perId?: true;
  readonly summary: string;
  readonly request: Request;
  readonly reply: Reply;
}

export const defineRpc = <Request extends z.ZodType, Reply extends z.ZodType>(
  rpc: RpcContract<Request, Reply>,
): RpcContract<Request, Reply> => rpc;
