// threw: RangeError | cpu: | memory:
export default () => String(Array.from(new Array(2 ** 32 - 1), () => 1).length)
