// structuredClone: plain data, dates, maps, sets, errors and buffers, with what is shared and circular kept so.

export function make(native, { apply, construct, isArray, NativeDate }) {
  function structuredClone(value) {
    const seen = new Map();
    const copy = (value) => {
      if (typeof value === 'function' || typeof value === 'symbol') {
        throw new DOMException(`${typeof value}s cannot be cloned`, 'DataCloneError');
      }
      if (typeof value !== 'object' || value === null) return value;
      if (seen.has(value)) return seen.get(value);
      const note = (made) => { seen.set(value, made); return made; };
      if (isArray(value)) {
        const made = note(new Array(value.length));
        for (const key of Object.keys(value)) made[key] = copy(value[key]);
        return made;
      }
      if (value instanceof NativeDate) return note(construct(NativeDate, [apply(NativeDate.prototype.getTime, value, [])]));
      if (value instanceof RegExp) return note(new RegExp(value.source, value.flags));
      if (value instanceof Map) {
        const made = note(new Map());
        for (const [key, held] of [...value]) made.set(copy(key), copy(held));
        return made;
      }
      if (value instanceof Set) {
        const made = note(new Set());
        for (const held of [...value]) made.add(copy(held));
        return made;
      }
      if (value instanceof Error) {
        const made = note(new Error(value.message));
        made.name = value.name;
        made.stack = value.stack;
        return made;
      }
      if (value instanceof ArrayBuffer) return note(value.slice(0));
      if (ArrayBuffer.isView(value)) {
        const buffer = copy(value.buffer);
        const many = value instanceof DataView ? value.byteLength : value.length;
        return note(new value.constructor(buffer, value.byteOffset, many));
      }
      const made = note({});
      for (const key of Object.keys(value)) made[key] = copy(value[key]);
      return made;
    };
    return copy(value);
  }

  return { structuredClone };
}
