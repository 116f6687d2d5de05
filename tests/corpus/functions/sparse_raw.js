// threw: RangeError: a list of 9007199254740991 is too long
export default () => String.raw({ raw: { length: 2 ** 53 - 1 } })
