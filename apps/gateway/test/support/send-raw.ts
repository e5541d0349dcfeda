import { connect } from 'node:net';

/** Sends lines as they are, as no HTTP library would, and gives back what is answered. */
export const sendRaw = (port: number, lines: readonly string[]): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${lines.join('\r\n')}\r\n\r\n`));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    // What the gateway did not read may break the connection after its answer.
    socket.on('close', () => resolve(text)).on('error', () => {});
  });
