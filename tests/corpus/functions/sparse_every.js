// threw: RangeError | cpu: | memory:
export default () => String(new Array(2 ** 32 - 1).every(() => {}))
