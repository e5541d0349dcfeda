import {
  type AppError,
  closeCodes,
  errorCodeIn,
  type RealtimeContract,
  renderFrame,
  surfaces,
} from '@switchboard/contracts';

export type CloseCode = (typeof closeCodes)[keyof typeof closeCodes];

/** The close code that says what an HTTP status would. */
export const closeCodeOf = ({ status }: AppError): CloseCode => {
  if (status === 401 || status === 403) return closeCodes.unauthorized;
  if (status === 404) return closeCodes.notFound;
  if (status === 429) return closeCodes.tooMany;
  return status < 500 ? closeCodes.badRequest : closeCodes.tryAgainLater;
};

const ID_CHARACTERS_MAX = 100;

/** An error for one follower alone, in the dialect of the surface. It is not part of the history. */
export const errorFrame = (
  contract: RealtimeContract,
  about: { readonly id: string; readonly sequence: number; readonly at: Date },
  error: AppError,
  details: Readonly<Record<string, unknown>> = {},
): string =>
  renderFrame(contract.topicField, about.id.slice(0, ID_CHARACTERS_MAX).toWellFormed(), {
    type: contract.errorType,
    sequence: about.sequence,
    timestamp: about.at.toISOString(),
    data: {
      code: errorCodeIn(surfaces[contract.route.surface].dialect, error.code),
      message: error.message,
      details: { ...error.details, ...details },
    },
  });
