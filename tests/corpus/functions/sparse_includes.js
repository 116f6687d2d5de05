// threw: RangeError | cpu:
export default () => String(new Array(2 ** 32 - 1).includes(1))
