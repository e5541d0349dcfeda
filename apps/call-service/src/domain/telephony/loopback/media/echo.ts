import type { RtpPacket } from './rtp.ts';

/** Of a packet that goes back. */
export interface EchoedHeader {
  readonly isMarked: boolean;
  readonly sequenceNumber: number;
  readonly timestamp: number;
}

const FRAME_TICKS = 960;

/**
 * Numbers packets that go back. While nothing is left out they keep the distances of the packets that came, so that loss and
 * order are told as they were; after a gap that is ours (mute, hold, another source) numbers go on where they ended: no
 * receiver counts that gap as loss.
 */
export const createEchoNumbers = () => {
  let source: number | null = null;
  let sequenceOffset = 0;
  let timestampOffset = 0;
  let last: EchoedHeader | null = null;
  return {
    /** The next packet begins anew. */
    breakOff(): void {
      source = null;
    },
    next(packet: RtpPacket): EchoedHeader {
      const isFirst = source !== packet.ssrc;
      if (isFirst) {
        source = packet.ssrc;
        const sequenceNumber = last === null ? packet.sequenceNumber : last.sequenceNumber + 1;
        sequenceOffset = sequenceNumber - packet.sequenceNumber;
        timestampOffset = last === null ? 0 : last.timestamp + FRAME_TICKS - packet.timestamp;
      }
      const header = {
        isMarked: isFirst || packet.isMarked,
        sequenceNumber: (packet.sequenceNumber + sequenceOffset) & 0xffff,
        timestamp: (packet.timestamp + timestampOffset) >>> 0,
      };
      last = header;
      return header;
    },
  };
};
