// threw: RangeError | cpu: | memory:
export default () => String(Object.groupBy(new Array(2 ** 32 - 1), () => 'a').a.length)
