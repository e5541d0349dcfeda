import { errors, type FieldFault } from '@switchboard/contracts';
import { checkTargetUrl, type TargetPolicy, TargetRefusedError } from '@switchboard/service-kit';

const reasonOf = (error: unknown): string => {
  if (error instanceof TargetRefusedError) return error.message;
  throw error;
};

/** `webhook_url` in its normal form; null, and a fault more, when it may not be called. */
export const checkWebhookUrl = (url: string, policy: TargetPolicy, faults: FieldFault[]): string | null => {
  try {
    return checkTargetUrl(url, policy).href;
  } catch (error) {
    faults.push({ field: 'webhook_url', message: reasonOf(error) });
    return null;
  }
};

/** An `audio_file` that is a URL, in its normal form. Throws INVALID_AUDIO_FILE. */
export const checkAudioUrl = (url: string, policy: TargetPolicy): string => {
  try {
    return checkTargetUrl(url, policy).href;
  } catch (error) {
    throw errors.invalidAudio(`audio_file: ${reasonOf(error)}`);
  }
};
