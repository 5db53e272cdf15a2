/**
 * A message on its way through the extensions (RFC 6455 §9), in the shape that plug-ins written for the npm package
 * `websocket-extensions` know: three reserved bits, the opcode, and the payload as `data`.
 */

/** A whole message as an extension sees and changes it. */
export interface ExtensionMessage {
  rsv1: boolean;
  rsv2: boolean;
  rsv3: boolean;
  /** Text (1) or binary (2). */
  readonly opcode: number;
  /** The payload: of text, UTF-8 bytes. */
  data: Uint8Array;
}

/** A frame header as an extension sees it, to say whether its bits may stand so. */
export interface ExtensionFrame {
  readonly final: boolean;
  readonly rsv1: boolean;
  readonly rsv2: boolean;
  readonly rsv3: boolean;
  readonly opcode: number;
  readonly masked: boolean;
  readonly length: number;
}
