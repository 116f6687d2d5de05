// threw: RangeError | cpu:
export default () => String(new Array(2 ** 32 - 1).reduceRight((all) => all, 1))
