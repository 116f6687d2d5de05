// cpu:
export default () => String(/(x+x+)+y/.test("x".repeat(60)))
