// threw: RangeError: a list of 4294967295 is too long
export default () => { const a = [1]; a.length = 2 ** 32 - 1; return String(a.sort().length) }
