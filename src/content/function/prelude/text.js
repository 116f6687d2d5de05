// Text as bytes, base64 and digests.

export function make(native, { apply, wellFormed }) {
  function encodeBytes(text) {
    return native.encode(wellFormed(`${text}`));
  }

  class TextEncoder {
    get encoding() { return 'utf-8'; }
    encode(text = '') { return encodeBytes(text); }
  }

  class TextDecoder {
    #fatal;
    constructor(label = 'utf-8', { fatal = false } = {}) {
      if (!/^\s*(?:utf-?8|unicode-1-1-utf-8)\s*$/i.test(label)) throw new RangeError(`only utf-8 can be decoded, not ${label}`);
      this.#fatal = fatal;
    }
    get encoding() { return 'utf-8'; }
    get fatal() { return this.#fatal; }
    decode(bytes = new Uint8Array(0)) {
      const text = native.decode(binaryOf(bytes));
      if (text[1] && this.#fatal) throw new TypeError('these bytes are not UTF-8');
      return text[0];
    }
  }

  // Bytes leave the engine as a text of characters up to U+00FF.
  const CHUNK = 8192;
  const fromCharCode = String.fromCharCode;

  function binaryOf(data) {
    const view = ArrayBuffer.isView(data);
    if (!view && !(data instanceof ArrayBuffer)) throw new TypeError('bytes are an ArrayBuffer or a view of one');
    const bytes = view ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);
    let binary = '';
    for (let at = 0; at < bytes.length; at += CHUNK) {
      binary += apply(fromCharCode, undefined, bytes.subarray(at, at + CHUNK));
    }
    return binary;
  }

  function atob(text) {
    const binary = native.atob(wellFormed(`${text}`));
    if (binary === undefined) throw new DOMException('this is not base64', 'InvalidCharacterError');
    return binary;
  }

  function btoa(text) {
    const coded = native.btoa(wellFormed(`${text}`));
    if (coded === undefined) throw new DOMException('btoa takes characters up to U+00FF', 'InvalidCharacterError');
    return coded;
  }

  const crypto = {
    subtle: {
      async digest(algorithm, data) {
        const name = `${algorithm?.name ?? algorithm}`.toUpperCase();
        const made = native.digest(name, binaryOf(data));
        if (!made) throw new DOMException(`there is no digest ${name}; use SHA-256`, 'NotSupportedError');
        return made.buffer;
      },
    },
  };

  return { TextEncoder, TextDecoder, atob, btoa, crypto };
}
