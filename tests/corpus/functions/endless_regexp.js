// cpu:
export default () => String(/^(a+)+$/.test("a".repeat(50) + "b"))
