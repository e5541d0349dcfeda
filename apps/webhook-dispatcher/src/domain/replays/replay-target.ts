/** A replay as the audit log names it. */
export const replayTarget = ({ id }: { readonly id: string }) => ({
  type: 'webhook_replay',
  id,
  name: null,
});
