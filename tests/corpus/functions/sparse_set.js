// threw: RangeError | cpu: | memory:
export default () => String(new Set(new Array(2 ** 32 - 1)).size)
