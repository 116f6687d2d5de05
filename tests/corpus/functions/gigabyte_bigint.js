// threw: RangeError
export default () => String(2n ** (2n ** 40n))
