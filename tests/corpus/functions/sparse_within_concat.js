// threw: RangeError: a list of 9007199254740991 is too long
export default () => String([].concat({ length: 2 ** 53 - 1, [Symbol.isConcatSpreadable]: true }).length)
