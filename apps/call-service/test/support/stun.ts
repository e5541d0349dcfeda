import { createHmac, randomBytes } from 'node:crypto';

/** A binding request of ICE (RFC 8445, 7.2.2), as a browser sends it. */
export const bindingRequest = (username: string, password: string): Buffer => {
  const attribute = (type: number, value: Buffer): Buffer => {
    const head = Buffer.alloc(4);
    head.writeUInt16BE(type, 0);
    head.writeUInt16BE(value.length, 2);
    return Buffer.concat([head, value, Buffer.alloc((4 - (value.length % 4)) % 4)]);
  };
  const body = Buffer.concat([
    attribute(0x0006, Buffer.from(username)),
    attribute(0x0024, Buffer.alloc(4, 1)),
    attribute(0x0025, Buffer.alloc(0)),
  ]);
  const header = Buffer.alloc(20);
  header.writeUInt16BE(0x0001, 0);
  header.writeUInt16BE(body.length + 24, 2);
  header.writeUInt32BE(0x2112a442, 4);
  randomBytes(12).copy(header, 8);
  const integrity = createHmac('sha1', password).update(header).update(body).digest();
  return Buffer.concat([header, body, attribute(0x0008, integrity)]);
};
