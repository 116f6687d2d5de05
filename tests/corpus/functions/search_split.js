// threw: RangeError: split: these texts are too long
export default () => "a".repeat(2 ** 22).split("a".repeat(2 ** 20) + "b").length
