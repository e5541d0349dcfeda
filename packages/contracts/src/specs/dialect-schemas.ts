import { z } from 'zod';
import type { Dialect } from '../errors/render.ts';

const upperSnake = z.string().regex(/^[A-Z][A-Z0-9_]*$/);
const lowerSnake = z.string().regex(/^[a-z][a-z0-9_]*$/);
const details = z.record(z.string(), z.unknown());
const status = z.number().int().min(400).max(599);

/** What an error answer looks like in each dialect (spec: common contract, "Errors"). */
export const dialectSchemas: Readonly<Record<Dialect, z.ZodType>> = {
  functions: z.object({
    success: z.literal(false),
    error: z.string(),
    details: z.string().optional(),
    code: upperSnake.optional(),
  }),
  calls: z.object({
    success: z.literal(false),
    error: z.object({ code: upperSnake, message: z.string(), details }),
  }),
  studio: z.object({ error: upperSnake, message: z.string(), code: status, details }),
  tickets: z.object({ error: lowerSnake, message: z.string(), details: z.string().optional() }),
  partner: z.object({
    error: z.object({ code: upperSnake, message: z.string(), details, timestamp: z.iso.datetime() }),
  }),
  auth: z.object({ code: status, error_code: lowerSnake, msg: z.string() }),
  device: z.object({ error: lowerSnake, message: z.string(), code: status, details }),
  problem: z.looseObject({
    type: z.string(),
    title: z.string(),
    status,
    detail: z.string(),
    code: upperSnake,
  }),
};

/** `PartnerError`, `ProblemError`, …: the name of a dialect's error schema in the documents. */
export const dialectSchemaName = (dialect: Dialect): string =>
  `${dialect.charAt(0).toUpperCase()}${dialect.slice(1)}Error`;
