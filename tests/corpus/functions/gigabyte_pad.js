// memory:
export default () => "x".padEnd(2 ** 29, "ab")
