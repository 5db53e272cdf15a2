/** permessage-deflate on Node's zlib, for the `extensions` option: as it is, or configured. */

import {
  createPermessageDeflate,
  type DeflateExtension,
} from '../extensions/permessage-deflate/extension.ts';
import { nodePlatform } from '../node/node-platform.ts';
import { zlibCodec } from '../node/zlib-codec.ts';

export type { DeflateExtension };
/**
 * Compresses messages (RFC 7692).
 *
 * @example
 * new WebSocket(request, socket, head, [], { extensions: [permessageDeflate] });
 * new WebSocket.Client(url, [], { extensions: [permessageDeflate.configure({ level: 1 })] });
 */
export const permessageDeflate: DeflateExtension = createPermessageDeflate(nodePlatform, zlibCodec);
