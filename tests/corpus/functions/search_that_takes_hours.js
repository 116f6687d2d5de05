// threw: RangeError: indexOf: these texts are too long
export default () => String("a".repeat(2 ** 22).indexOf("a".repeat(2 ** 21) + "b"))
